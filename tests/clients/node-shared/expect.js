// Checks that name what was expected and what was seen, and waits for what is to come.
'use strict';

const { isDeepStrictEqual } = require('node:util');
const { setTimeout: sleep } = require('node:timers/promises');

// Long enough for whatever only a client's own timers start, on a busy machine.
const WAIT_MS = 60_000;
const POLL_MS = 50;

function equal(what, expected, seen) {
  if (!isDeepStrictEqual(seen, expected)) {
    throw new Error(`expected ${what} to be ${JSON.stringify(expected)}, saw ${JSON.stringify(seen)}`);
  }
}

/** Waits until `probe` gives what is expected. */
async function eventually(what, expected, probe) {
  const deadline = Date.now() + WAIT_MS;
  for (;;) {
    const seen = await probe();
    if (isDeepStrictEqual(seen, expected)) return;
    if (Date.now() > deadline) equal(`${what} within ${WAIT_MS} ms`, expected, seen);
    await sleep(POLL_MS);
  }
}

/** Repeats an action that may fail while a server is away. */
async function eventuallySucceeds(what, action) {
  await eventually(what, 'success', () => Promise.resolve().then(action).then(() => 'success', problem => String(problem)));
}

/** Expects the client's exception with this code. */
async function refused(what, code, action) {
  const seen = await action().then(() => 'success', problem => problem);
  // Some calls wrap what the server said, once or twice.
  for (let cause = seen; cause instanceof Error; cause = cause.cause) {
    if (cause.code === code) return;
  }
  throw new Error(`expected ${what} to be refused with ${code}, saw ${seen.stack ?? seen}`);
}

module.exports = { equal, eventually, eventuallySucceeds, refused, WAIT_MS };
