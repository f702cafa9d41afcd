/** Client addresses: one spelling for each, and one subject for all addresses of a subscriber. */

import { isIP } from 'node:net'
import t from 'tap'
import { addressSubject, parseClientAddress } from '../../../edge/contract/client-address.ts'

const SPELLINGS: readonly (readonly [canonical: string, ...others: readonly string[]])[] = [
  ['0.0.0.0', '::ffff:0.0.0.0', '::ffff:0:0'],
  ['192.0.2.1', '::ffff:192.0.2.1', '::FFFF:c000:201', '0:0:0:0:0:ffff:c000:0201', '::ffff:c000:201'],
  ['255.255.255.255', '::ffff:ffff:ffff'],
  ['::', '0:0:0:0:0:0:0:0', '0::0', '::0.0.0.0'],
  ['::1', '0:0:0:0:0:0:0:1', '0000:0000:0000:0000:0000:0000:0000:0001', '::0.0.0.1'],
  ['2001:db8::1', '2001:DB8::1', '2001:0db8:0000:0000:0000:0000:0000:0001', '2001:db8:0:0::1', '2001:db8::0.0.0.1'],
  ['2001:db8:0:1:1:1:1:1', '2001:db8::1:1:1:1:1', '2001:0db8:0:01:001:0001:1:1'],
  ['64:ff9b::c000:201', '64:ff9b::192.0.2.1'],
  ['::fffe:c000:201', '::fffe:192.0.2.1']
]

// biome-ignore format: one value a line would hide the list
const HOSTILE: readonly string[] = [
  '', ' ', '.', ':', ':::', '1', '1.2.3', '1.2.3.4.5', '1.2.3.4.', '.1.2.3.4', '1..2.3', '256.1.1.1', '1.2.3.999',
  '01.2.3.4', '1.2.3.04', '00.0.0.0', '0x7f.0.0.1', '0x7f000001', '2130706433', '0177.0.0.1', '1.2.3.4 ', ' 1.2.3.4',
  '1.2.3.4\n', '1.2.3.4\0', '1.2.3.4:80', '1.2.3.4/32', '1.2.3.4, 5.6.7.8', '1.2.3.4,5.6.7.8', '１.2.3.4', '1.2.3.٤',
  '-1.2.3.4', '+1.2.3.4', '1e1.2.3.4', '[::1]', '[::1]:80', '::1%eth0', 'fe80::1%1', '::1/128', '::1 ', '1::2::3',
  '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '12345::', 'g::1', '::1.2.3', '::256.1.1.1', '::01.2.3.4', '::1.2.3.4:5',
  '1.2.3.4::', '::ffff:1.2.3.4.5', ':1:2:3:4:5:6:7', '::ffff:0x7f.0.0.1', 'localhost', 'example.com', 'null', 'undefined',
  '__proto__', 'NaN', 'Infinity', '\ud800', '::1@evil', '::1]/x', `${'0'.repeat(1000)}::1`, 'a'.repeat(1_048_576)
]

t.test('parseClientAddress() gives every spelling of an address the same canonical one', async t => {
  for (const [canonical, ...others] of SPELLINGS) {
    for (const spelling of [canonical, ...others]) t.equal(parseClientAddress(spelling), canonical, spelling)
  }
})

t.test(
  'parseClientAddress() returns only addresses that the platform accepts, and keeps a canonical one as it is',
  async t => {
    for (const [canonical] of SPELLINGS) {
      t.not(isIP(canonical), 0, canonical)
      t.equal(parseClientAddress(canonical), canonical)
    }
  }
)

t.test('parseClientAddress() refuses every text that is not one plain address', async t => {
  for (const text of HOSTILE) t.equal(parseClientAddress(text), undefined, JSON.stringify(text.slice(0, 60)))
})

t.test('parseClientAddress() accepts exactly the octets from 0 to 255, each in one spelling', async t => {
  for (let octet = 0; octet < 1000; octet++) {
    const text = `${octet}.0.${octet}.1`
    t.equal(parseClientAddress(text), octet <= 255 ? text : undefined)
  }
})

t.test('addressSubject() counts an IPv4 address whole, however it was spelt', async t => {
  for (const text of ['192.0.2.1', '::ffff:192.0.2.1', '::ffff:c000:201']) {
    t.equal(addressSubject(parseClientAddress(text) ?? ''), '192.0.2.1', text)
  }
  t.not(addressSubject('192.0.2.1'), addressSubject('192.0.2.2'))
})

t.test('addressSubject() counts an IPv6 address by exactly its /64', async t => {
  const subject = (text: string) => addressSubject(parseClientAddress(text) ?? '')
  const home = subject('2001:db8:1:2::1')
  for (const same of ['2001:db8:1:2::', '2001:db8:1:2:ffff:ffff:ffff:ffff', '2001:DB8:1:2:8000::']) {
    t.equal(subject(same), home, same)
  }
  for (const other of ['2001:db8:1:3::1', '2001:db8:1:0::1', '2001:db8:1:8002::1', '2001:db8:2::1', '::1']) {
    t.not(subject(other), home, other)
  }
  t.equal(home, '2001:db8:1:2::/64')
  t.equal(subject('::1'), '0:0:0:0::/64', 'one form for every prefix, also with zeros')
})
