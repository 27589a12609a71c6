// The door of webhooks/app.py as an Edge Function: tests/webhooks/test_contract_door.py holds both to the same promises.
import { Buffer } from "node:buffer";
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
const PART = 192 * 1024, LARGEST = 16 * 1024 * 1024; // bytes; a function has 256 MB and two seconds of processor
const COMING = 30_000, STORING = 2500, RPC = "/rest/v1/rpc/agentctl_"; // ms for a body, and for each step of the store
const ID = /^(?=.*\S).{1,200}$/su, LOST = /\0|\p{Surrogate}/gu, SECONDS = /^("?) *\d{1,11}(\.\d*)? *\1$/;
const OWNED = /^([A-Za-z0-9][\w-]*) *= *(.+)$/s, env = (name: string) => Deno.env.get(name) ?? "";
const listed = (name: string) => env(name).split(",").map((one) => one.trim()).filter(Boolean);
const id = (it: unknown) => typeof it === "string" && ID.test(it) ? it.replace(LOST, "\ufffd") : null;
const same = (mac: string, other: Buffer) => mac.length === other.length && timingSafeEqual(Buffer.from(mac), other);
const refusal = (status: number, error: string) => Response.json({ error }, { status });

function precheck(header: string): [string, Buffer[]] {
  const named = (it: string) => header.split(",").flatMap((one) => one.match(`^\\s*${it}\\s*=(.*)`)?.[1].trim() ?? []);
  const time = [...new Set(named("t"))].join(), signatures = named("v0").map((one) => Buffer.from(one.toLowerCase()));
  const near = Math.abs(Date.now() / 1000 - Number(time)) <= Number(env("WEBHOOK_TOLERANCE_SECONDS") || 2700);
  if (near && header.length <= 4096 && /^[0-9]{1,12}$/.test(time) && signatures.length) return [time, signatures];
  throw refusal(401, "the header ElevenLabs-Signature is missing, malformed or too far from now");
}

async function read(request: Request, most: number, chunks: Uint8Array[] = [], size = 0) {
  const slow = new AbortController(), tooLarge = refusal(413, `the body is larger than ${most} bytes`);
  if (Number(request.headers.get("Content-Length")) > most) throw tooLarge;
  setTimeout(() => slow.abort(refusal(408, "the body did not come in time")), COMING);
  for await (const chunk of request.body?.pipeThrough(new TransformStream(), slow) ?? []) {
    if (chunks.push(chunk) && (size += chunk.length) > most) throw tooLarge;
  }
  return Buffer.concat(chunks);
}

function heading(body: Buffer) {
  try { // NaN is no JSON, though some write it; what this does within a text is not looked at.
    const text = new TextDecoder("utf-8", { fatal: true }).decode(body).replace(/-?\b(NaN|Infinity)\b/g, "null");
    const event = JSON.parse(/^\s*\{/.test(text) ? text : "");
    const [type, conversation_id, agent_id] = [event.type, event.data?.conversation_id, event.data?.agent_id].map(id);
    const it = event.event_timestamp, event_timestamp = SECONDS.test(JSON.stringify(it)) ? Math.trunc(+it) : null;
    return { type: type ?? "unknown", conversation_id, agent_id, event_timestamp, source: "webhook" };
  } catch {
    throw refusal(400, "the body is no JSON object in UTF-8");
  }
}

async function call(step: string, args: object) {
  const apikey = env("SUPABASE_SECRET_KEYS").match(/sb_secret_[\w-]+/)?.[0] ?? env("SUPABASE_SERVICE_ROLE_KEY");
  const jwt: Record<string, string> = apikey.startsWith("sb_") ? {} : { Authorization: `Bearer ${apikey}` };
  const headers = { apikey, ...jwt, "Content-Type": "application/json" }, signal = AbortSignal.timeout(STORING);
  const how = { method: "POST", headers, redirect: "error", signal, body: JSON.stringify({ args }) } as const;
  const answer = await fetch(env("SUPABASE_URL") + RPC + step, how);
  return answer.ok ? await answer.json() : Promise.reject(new Error(`${step} was answered ${answer.status}`));
}

async function accept(event: object, body: Buffer) {
  if (body.length <= PART) return (await call("accept", { ...event, payload: body.toString("base64") })).new;
  const sha256 = createHash("sha256").update(body).digest("hex"), parts = Math.ceil(body.length / PART);
  for (let position = 0; position < parts; position++) {
    const part = body.subarray(position * PART, (position + 1) * PART).toString("base64");
    if ((await call("accept_part", { ...event, sha256, position, part })).known) return false;
  }
  return (await call("accept", { ...event, sha256, parts, size: body.length })).new;
}

Deno.serve(async (request) => {
  try {
    const theirs = listed("TENANT_WEBHOOK_SECRETS").map((one) => OWNED.exec(one)?.slice(1) ?? []);
    const secrets = [...listed("ELEVENLABS_WEBHOOK_SECRET").map((one) => ["", one]), ...theirs]; // whose workspace's
    if (request.method !== "POST") throw refusal(405, "only POST is answered here");
    if (!/^(identity)?$/i.test(request.headers.get("Content-Encoding") ?? "")) throw refusal(415, "send no coding");
    if (!secrets.length || !theirs.every((one) => one.length)) throw refusal(503, "no webhook secret is configured");
    const [time, signatures] = precheck(request.headers.get("ElevenLabs-Signature") ?? "");
    const body = await read(request, Number(env("WEBHOOK_MAX_BYTES") || LARGEST));
    const macs = secrets.map(([, one]) => createHmac("sha256", one).update(`${time}.`).update(body).digest("hex"));
    const right = secrets.flatMap(([whose], at) => signatures.filter((one) => same(macs[at], one)).map(() => whose));
    if (!right.length) throw refusal(401, "the signature was not made of this body with a secret that is known here");
    const signers = right.every(Boolean) ? right.sort() : []; // none: believed of every agent
    return Response.json({ new: await accept({ ...heading(body), signers }, body) });
  } catch (error) {
    if (!(error instanceof Response)) console.error(`an event could not be stored: ${error}`);
    return error instanceof Response ? error : refusal(503, "the event could not be stored");
  }
});
