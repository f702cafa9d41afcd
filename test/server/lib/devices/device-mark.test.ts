/** Device marks and fingerprints: how a device is recognised. */

import t from 'tap'
import { deriveKeys } from '../../../../server/lib/crypto/derived-keys.ts'
import { createDeviceFingerprint } from '../../../../server/lib/devices/device-fingerprint.ts'
import { createDeviceMarks } from '../../../../server/lib/devices/device-mark.ts'

const keys = deriveKeys(['a root secret for tests that is long enough'])
const marks = createDeviceMarks(keys)
const fingerprint = createDeviceFingerprint(keys)
const FIREFOX = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'

t.test('add() keeps the accounts of every genuine mark, up to five', async t => {
  const [one, two] = [marks.add([], 'a@example.com'), marks.add([], 'b@example.com')]
  const both = marks.add(['garbage', one, two], 'c@example.com')
  for (const account of ['a', 'b', 'c']) t.ok(marks.knows(both, `${account}@example.com`), account)
  t.notOk(marks.knows(both, 'd@example.com'))
  let many = both
  for (let i = 0; i < 5; i++) many = marks.add([many], `person-${i}@example.com`)
  t.notOk(marks.knows(many, 'c@example.com'), 'the oldest is forgotten')
})

t.test('a fingerprint is the device name and the network: /24 and /48', async t => {
  const of = (address: string, userAgent = FIREFOX) => fingerprint({ address, userAgent }).toString('hex')
  t.equal(of('203.0.113.7'), of('203.0.113.250', FIREFOX.replaceAll('140.0', '141.0')), 'a newer version, too')
  t.equal(of('2001:db8:1:2::3'), of('2001:db8:1:ffff::3'))
  const others = [of('203.0.113.7'), of('203.0.114.7'), of('203.1.113.7'), of('2001:db8:1::'), of('2001:db8:2::')]
  others.push(of('203.0.113.7', 'curl/8.5.0'))
  t.equal(new Set(others).size, others.length)
})
