// Verifies a webhook by its Standard Webhooks signature, which covers the id, the time and the whole body.
// Express, before any express.json(): app.post('/webhook', express.raw({ type: '*/*', limit: '1mb' }), handler) puts
// the raw body into request.body. Pass request.headers as headers. Node 14 or later.

import { createHmac, timingSafeEqual } from 'node:crypto';

const TOLERANCE_SECONDS = 300;

/** Returns if the webhook is genuine and recent; throws an Error if not. */
export function verify(body, headers, secret) {
  // Buffer.from skips characters that are not base64, so check the format first.
  const [, encoded] = /^whsec_([A-Za-z0-9+/]{2,}={0,2})$/.exec(secret) ?? [];
  if (!encoded) throw new Error('The secret is not whsec_ followed by base64.');

  for (const name of ['webhook-id', 'webhook-timestamp', 'webhook-signature']) {
    if (!headers[name]) throw new Error(`The header ${name} is missing.`);
  }
  const timestamp = headers['webhook-timestamp'];
  if (!/^[0-9]{1,12}$/.test(timestamp)) {
    throw new Error('The timestamp is not a number of seconds.');
  }
  if (Math.abs(Math.floor(Date.now() / 1000) - Number(timestamp)) > TOLERANCE_SECONDS) {
    throw new Error('The timestamp is more than 300 seconds off.');
  }

  const digest = createHmac('sha256', Buffer.from(encoded, 'base64'))
    .update(`${headers['webhook-id']}.${timestamp}.`)
    .update(body)
    .digest('base64');
  const expected = Buffer.from(`v1,${digest}`);
  // While a secret is being rotated the header contains two signatures; one match is enough.
  const matches = headers['webhook-signature'].split(' ').some((entry) => {
    const signature = Buffer.from(entry);
    return signature.length === expected.length && timingSafeEqual(signature, expected);
  });
  if (!matches) throw new Error('No signature matches.');
}
