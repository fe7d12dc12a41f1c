// The live stream: server-sent events read with fetch, as a browser's EventSource cannot send a key.
import type { components } from "./api.js";

export type Change = components["schemas"]["ChangeRead"];

/** Yield every change from now on. After an interruption it goes on behind the last one: none is missed or doubled. */
export async function* changes(url: string, key: string, opened: () => void): AsyncGenerator<Change> {
  let last: string | undefined;
  for (;;) {
    try {
      const headers = { Authorization: `Bearer ${key}`, ...(last ? { "Last-Event-ID": last } : {}) };
      const answer = await fetch(`${url}/v1/stream`, { headers });
      if (!answer.ok || answer.body === null) throw new Error(`the stream was answered ${answer.status}`);
      let pending = "";
      for await (const part of answer.body.pipeThrough(new TextDecoderStream())) {
        pending += part;
        const blocks = pending.split("\n\n");
        pending = blocks.pop() ?? "";
        for (const block of blocks) {
          const fields = new Map(block.split("\n").map((line) => splitOnce(line)));
          const first = last === undefined;
          last = fields.get("id") ?? last; // the first block has an id and no data: where the stream begins
          if (first && last !== undefined) opened();
          const data = fields.get("data");
          if (data !== undefined) yield JSON.parse(data) as Change;
        }
      }
    } catch (error) {
      if (last === undefined) throw error; // never connected: the address or the key is wrong
    }
    await new Promise((resolve) => setTimeout(resolve, 1000));
  }
}

function splitOnce(line: string): [string, string] {
  const at = line.indexOf(": ");
  return at < 0 ? [line, ""] : [line.slice(0, at), line.slice(at + 2)];
}
