<?xml version="1.0"?>
<!-- Keeps of the compiler's documentation what is about the public API. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform">
  <xsl:param name="api" />
  <xsl:output method="xml" encoding="utf-8" indent="no" />
  <xsl:strip-space elements="doc members" />

  <xsl:template match="@* | node()">
    <xsl:copy>
      <xsl:apply-templates select="@* | node()" />
    </xsl:copy>
  </xsl:template>

  <!-- M:Namespace.Type.Method(parameters) is |Namespace.Type.Method| in the list. -->
  <xsl:template match="member">
    <xsl:if test="contains($api, concat('|', substring-after(substring-before(concat(@name, '('), '('), ':'), '|'))">
      <xsl:text>&#10;</xsl:text>
      <xsl:copy>
        <xsl:apply-templates select="@* | node()" />
      </xsl:copy>
    </xsl:if>
  </xsl:template>
</xsl:stylesheet>
