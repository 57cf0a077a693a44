// The remoting protocol, in which topics and groups are administered: the clients have no calls for that.
'use strict';

const net = require('node:net');

const UPDATE_AND_CREATE_TOPIC = 17;
const GET_MAX_OFFSET = 30;
const GET_ROUTE_BY_TOPIC = 105;
const UPDATE_AND_CREATE_GROUP = 200;
const TIMEOUT_MS = 20_000;

/** Sends one request over a connection of its own and gives the answer's fields. */
function call(address, code, extFields, body = Buffer.alloc(0)) {
  const header = Buffer.from(JSON.stringify({ code, language: 'OTHER', version: 500, opaque: 1, flag: 0, extFields }));
  const lengths = Buffer.alloc(8);
  lengths.writeInt32BE(4 + header.length + body.length, 0);
  lengths.writeInt32BE(header.length, 4);
  const [host, port] = address.split(':');
  return new Promise((resolve, refuse) => {
    const socket = net.connect(Number(port), host);
    let answer = Buffer.alloc(0);
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error(`${address} does not answer`)));
    socket.on('error', refuse);
    socket.on('data', part => {
      answer = Buffer.concat([answer, part]);
      if (answer.length < 4 || answer.length < 4 + answer.readInt32BE(0)) return;
      socket.destroy();
      // The length has its encoding in the highest byte: 0, JSON.
      const { code: result, remark, extFields: fields } = JSON.parse(answer.subarray(8, 8 + answer.readInt32BE(4)));
      if (result === 0) resolve(fields ?? {});
      else refuse(new Error(`code ${result}: ${remark}`));
    });
    socket.write(Buffer.concat([lengths, header, body]));
  });
}

/** Creates a topic for messages of this type. */
function createTopic(broker, topic, type, queues) {
  return call(broker, UPDATE_AND_CREATE_TOPIC, {
    topic, defaultTopic: 'TBW102', readQueueNums: String(queues), writeQueueNums: String(queues), perm: '6',
    topicFilterType: 'SINGLE_TAG', topicSysFlag: '0', order: 'false', attributes: `+message.type=${type}`,
  });
}

/** Creates a group whose failed messages come again after a second, at most `retries` times. */
function createGroup(broker, group, orderly, retries) {
  return call(broker, UPDATE_AND_CREATE_GROUP, {}, Buffer.from(JSON.stringify({
    groupName: group, consumeEnable: true, consumeMessageOrderly: orderly, retryMaxTimes: retries, retryQueueNums: 1,
    groupRetryPolicy: { type: 'CUSTOMIZED', customizedRetryPolicy: { next: [1000] } },
  })));
}

/** Succeeds if the name server knows the topic. */
async function route(nameServer, topic) {
  await call(nameServer, GET_ROUTE_BY_TOPIC, { topic });
}

/** The end of a queue. */
async function maxOffset(broker, topic, queue) {
  const { offset } = await call(broker, GET_MAX_OFFSET, { topic, queueId: String(queue) });
  return Number(offset);
}

module.exports = { createTopic, createGroup, route, maxOffset };
