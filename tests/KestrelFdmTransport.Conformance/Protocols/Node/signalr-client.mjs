// One SignalR client. Says what it sees, one JSON value per line; the test on the other end compares.
// Arguments: url, name of the transport, name of the protocol.
import * as signalR from '@microsoft/signalr';
import { MessagePackHubProtocol } from '@microsoft/signalr-protocol-msgpack';

const [url, transport, protocol] = process.argv.slice(2);
const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);

const collect = (stream) =>
  new Promise((resolve, reject) => {
    const items = [];
    stream.subscribe({ next: (item) => items.push(item), error: reject, complete: () => resolve(items) });
  });

const connection = new signalR.HubConnectionBuilder()
  .withUrl(url, { transport: signalR.HttpTransportType[transport] })
  .withHubProtocol(protocol === 'messagepack' ? new MessagePackHubProtocol() : new signalR.JsonHubProtocol())
  .withAutomaticReconnect(new Array(100).fill(50))
  .configureLogging({ log: (level, message) => level >= signalR.LogLevel.Error && process.stderr.write(`${message}\n`) })
  .build();

const heard = [];
connection.on('said', (text) => heard.push(text));
const reconnected = new Promise((resolve, reject) => {
  connection.onreconnected(resolve);
  connection.onclose((error) => reject(error ?? new Error('closed')));
});
// A close before anybody waits for the reconnection is reported by whoever invokes something.
reconnected.catch(() => {});

await connection.start();
const firstId = connection.connectionId;

const echoes = [];
for (let i = 0; i < 10; i++) {
  echoes.push(await connection.invoke('Echo', `message ${i}`));
}
say({ echoes });

const many = await Promise.all(Array.from({ length: 50 }, (_, i) => connection.invoke('Echo', `parallel ${i}`)));
say({ many });

const text = 'x'.repeat(20_000);
say({ large: (await connection.invoke('Echo', text)) === text });

say({ counted: await collect(connection.stream('Count', 200)) });

const up = new signalR.Subject();
const sum = connection.invoke('Sum', up);
for (let i = 1; i <= 50; i++) {
  up.next(i);
}
up.complete();
say({ sum: await sum });

const both = new signalR.Subject();
const doubled = collect(connection.stream('Double', both));
for (let i = 0; i < 30; i++) {
  both.next(i);
}
both.complete();
say({ doubled: await doubled });

await connection.invoke('Say', 'to all');
say({ heard });

try {
  await connection.invoke('Fail');
  say({ failure: null });
} catch (error) {
  say({ failure: error.message });
}

// Here the server aborts what carries the connection.
say('waiting');
const secondId = await reconnected;
say({ reconnected: firstId !== secondId, echo: await connection.invoke('Echo', 'again') });

await connection.stop();
say('stopped');
