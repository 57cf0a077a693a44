// Brokers that go away for a moment.
'use strict';

const expect = require('../node-shared/expect');
const runner = require('../node-shared/runner');
const { message, bodies } = require('./scene');

async function clientsGoOnAfterARestart(scene) {
  scene.broker = scene.options.restartable;
  const topic = await scene.topic('NORMAL', 2);
  const inbox = await scene.push(await scene.group(), topic);
  const producer = await scene.producer(topic);
  const came = body => expect.eventually(`${body} to have come`, true, () => bodies(inbox).includes(body));
  await producer.send(message(topic, 'before'));
  await came('before');
  await runner.restart(scene.broker);
  await expect.eventuallySucceeds('sending after the restart', () => producer.send(message(topic, 'after')));
  await came('after');
}

module.exports = { clientsGoOnAfterARestart };
