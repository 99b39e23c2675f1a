// Answers each TCP connection and each UDP datagram with the address it came from. Usage: echo-peer.cjs <address> <port>
const dgram = require('node:dgram');
const net = require('node:net');

const [address, port] = process.argv.slice(2);
const udp = dgram.createSocket(net.isIPv6(address) ? 'udp6' : 'udp4');
udp.on('message', (_, from) => udp.send(`${from.address}\n`, from.port, from.address));
const tcp = net.createServer((socket) => {
  socket.on('error', () => {});
  socket.end(`${socket.remoteAddress}\n`);
});
udp.bind(Number(port), address, () => {
  tcp.listen(Number(port), address, () => process.stdout.write('ready\n'));
});
