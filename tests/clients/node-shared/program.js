// What a program with cases does whatever client it is for: prints one line for each case, `ok NAME` or `FAIL NAME: expected …, saw …`.
// Cases run side by side; each has a scene of its own.
'use strict';

const runner = require('./runner');

// Far above what a case takes on a busy machine, so that one that hangs is named.
const CASE_LIMIT_MS = 180_000;

function limited(work) {
  let timer;
  const limit = new Promise((_, refuse) => {
    timer = setTimeout(() => refuse(new Error(`the case did not end within ${CASE_LIMIT_MS} ms`)), CASE_LIMIT_MS);
  });
  return Promise.race([work, limit]).finally(() => clearTimeout(timer));
}

async function runCase(name, body, scene) {
  const begun = Date.now();
  try {
    await limited(body(scene));
    runner.say(`ok ${name} (${((Date.now() - begun) / 1000).toFixed(1)} s)`);
    return true;
  } catch (problem) {
    runner.say(`FAIL ${name}: ${String(problem.stack ?? problem).replaceAll('\n', ' ')}`);
    return false;
  } finally {
    await scene.close();
  }
}

/** Runs those of these functions whose names contain one of the texts of `options.only`, and ends the process. */
async function runCases(cases, Scene, options) {
  // Makes the names of this run's topics and groups unique.
  options.run = `${Date.now().toString(36)}${process.pid.toString(36)}`;
  const wanted = options.only?.split(',') ?? [''];
  const named = Object.entries(cases).map(([name, body]) => [name.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`), body]);
  const chosen = named.filter(([name]) => wanted.some(text => name.includes(text)));
  const passed = await Promise.all(chosen.map(([name, body]) => runCase(name, body, new Scene(name, options))));
  // The client's own timers would keep the process.
  process.exit(passed.every(Boolean) ? 0 : 1);
}

module.exports = { runCases };
