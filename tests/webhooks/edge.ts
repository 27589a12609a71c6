// Runs an Edge Function as Supabase's runtime does, but each request names the environment and the clock it is met with,
// and how many times faster its timers run.
const listen = Deno.serve;
let handler: Deno.ServeHandler | undefined;
Object.defineProperty(Deno, "serve", { value: (given: Deno.ServeHandler) => handler = given });
await import(Deno.args[0]);
const [clock, timer] = [Date.now, globalThis.setTimeout];

listen({ hostname: "127.0.0.1", port: 0, onListen: (address) => console.log(address.port) }, async (request, info) => {
  const { environment, now, hurry } = JSON.parse(request.headers.get("x-harness") ?? "{}");
  for (const name of Object.keys(Deno.env.toObject())) Deno.env.delete(name);
  for (const [name, value] of Object.entries(environment ?? {})) Deno.env.set(name, String(value));
  Date.now = now == null ? clock : () => now * 1000;
  globalThis.setTimeout = ((work, delay) => timer(work, (delay ?? 0) / (hurry ?? 1))) as typeof setTimeout;
  return await handler!(request, info);
});
