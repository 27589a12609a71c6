// Talks to an agent with @elevenlabs/client as a page would get it: `node client.cjs lib.iife.js text|voice SIGNED_URL`.
// Prints what its callbacks were told, as one line of JSON. There is no microphone here, so that "voice" is the client's
// connection without the browser's part of it.
"use strict";

const vm = require("node:vm");
const fs = require("node:fs");
const [library, mode, signedUrl] = process.argv.slice(2);
vm.runInThisContext(`${fs.readFileSync(library, "utf8")};globalThis.ElevenLabsClient = ElevenLabsClient`);
const { Conversation, createConnection } = globalThis.ElevenLabsClient;
const told = { messages: [], parts: "", pings: [], events: [], bytes: 0, formats: null, end: null };
const done = () => {
  console.log(JSON.stringify(told));
  process.exit(0);
};
console.error = () => {};

async function text() {
  const talk = await Conversation.startSession({
    signedUrl,
    textOnly: true,
    userId: "user_7",
    dynamicVariables: { name: "Erika" },
    onAgentChatResponsePart: part => (told.parts += part.text),
    onPing: ping => told.pings.push(ping.ping_ms),
    onMessage: message => {
      told.messages.push([message.role, message.message]);
      if (message.message.includes("pass your question on")) talk.sendUserMessage("That was all, goodbye!");
    },
    onDisconnect: end => {
      told.end = end;
      done();
    },
  });
  told.id = talk.getId();
  talk.sendContextualUpdate("The user looks at the price list.");
  talk.sendUserActivity();
  talk.sendUserMessage("When are you open?");
}

async function voice() {
  const connection = await createConnection({ signedUrl, dynamicVariables: { name: "Erika" } });
  told.id = connection.conversationId;
  told.formats = [connection.inputFormat, connection.outputFormat];
  const sound = level => Buffer.from(Int16Array.from({ length: 4000 }, (_, at) => level * Math.sin(at / 5)).buffer);
  const speak = levels => {
    for (const level of levels) connection.sendMessage({ user_audio_chunk: sound(level).toString("base64") });
  };
  connection.addListener(event => (told.bytes += Buffer.from(event.audio_base_64, "base64").length));
  connection.onMessage(event => {
    told.events.push(event.type);
    if (event.type === "ping") connection.sendMessage({ type: "pong", event_id: event.ping_event.event_id });
    if (event.type === "user_transcript") told.messages.push(["user", event.user_transcription_event.user_transcript]);
    // Where this comes too late to interrupt, it is another turn, whose answer is interrupted.
    if (event.type === "agent_response" && told.messages.length) speak([8000, 8000, 0, 0, 0]);
    if (event.type === "agent_response_correction" && told.messages.length) connection.close();
  });
  connection.onDisconnect(end => {
    told.end = end;
    done();
  });
  speak([8000, 8000, 0, 0, 0]);
}

(mode === "text" ? text() : voice()).catch(error => {
  told.end = { message: error.message, closeCode: error.closeCode, closeReason: error.closeReason };
  done();
});
