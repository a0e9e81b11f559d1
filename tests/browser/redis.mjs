// A redis-server of a test's own, without a file on disk. Whoever starts one stops it.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";

export async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** Starts a server, on a free port unless told; `ask` is `redis-cli`. */
export async function startRedis(port) {
  port ??= await freePort();
  const server = spawn("redis-server", ["--port", String(port), "--bind", "127.0.0.1", "--save", ""], { stdio: ["ignore", "pipe", "inherit"] });
  server.on("error", (error) => {
    throw new Error(`redis-server: ${error.message}; install it: apt-get install redis-server`);
  });
  const ended = once(server, "exit");
  let said = "";
  for await (const words of server.stdout.iterator({ destroyOnReturn: false })) {
    said += words;
    if (said.includes("Ready to accept connections")) break;
  }
  // What it says from now on is thrown away; a full pipe would stop it.
  server.stdout.resume();
  return {
    port,
    url: `redis://127.0.0.1:${port}`,
    ask: (...words) => execFileSync("redis-cli", ["-p", String(port), ...words], { encoding: "utf8" }).trim(),
    stop: async () => {
      server.kill("SIGKILL");
      await ended;
    },
  };
}
