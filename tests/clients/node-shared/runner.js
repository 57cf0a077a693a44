// The process that started this one: it reads our lines, and restarts a server when a line `CONTROL restart NAME` asks for it, which it
// confirms with a line `done`.
'use strict';

const readline = require('node:readline');

let answers;
let order = Promise.resolve();

function say(line) {
  process.stdout.write(`${line}\n`);
}

/** Resolves when the server is ready again. One at a time, because answers do not say which order they belong to. */
function restart(broker) {
  order = order.then(async () => {
    answers ??= readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
    say(`CONTROL restart ${broker}`);
    const { value } = await answers.next();
    if (value !== 'done') throw new Error(`the runner answered ${value}`);
  });
  return order;
}

module.exports = { say, restart };
