// Drives the real socket.io-client: commands come as JSON lines on stdin, everything that happens leaves as
// JSON lines on stdout. Run as: node socket_client.cjs <folder with node_modules> <url> <options as JSON>
const path = require("node:path");
const readline = require("node:readline");

const [folder, url, options] = process.argv.slice(2);
const { io } = require(path.join(folder, "node_modules", "socket.io-client"));

const tell = (line) => process.stdout.write(JSON.stringify(line) + "\n");
const socket = io(url, JSON.parse(options));

socket.on("connect", () => tell({ kind: "connect", transport: socket.io.engine.transport.name }));
socket.on("connect_error", (error) => tell({ kind: "refused", message: error.message, data: error.data }));
socket.on("disconnect", (reason) => tell({ kind: "disconnect", reason }));
socket.onAny((name, body) => tell({ kind: "event", name, body }));

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const { name, payload } = JSON.parse(line);
  if (name === "close") {
    socket.close();
    process.exit(0);
  }
  socket.emit(name, payload, (answer) => tell({ kind: "answer", name, body: answer }));
});
