/** Names of devices: for their owner from the header, in emails only from lists. */

import t from 'tap'
import { deviceName, knownDeviceName } from '../../../../server/lib/devices/device-name.ts'

t.test('knownDeviceName() names known browsers, systems and programs', async t => {
  const table: readonly [string, string][] = [
    ['Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', 'Firefox on Linux'],
    [
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
      'Chrome on Windows'
    ],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1',
      'Safari on iOS'
    ],
    ['curl/8.5.0', 'curl'],
    ['PostmanRuntime/7.43.0', 'Postman'],
    ['python-requests/2.32.3', 'a Python program'],
    ['node', 'Node.js']
  ]
  for (const [userAgent, name] of table) t.equal(knownDeviceName(userAgent), name, userAgent)
})

t.test('knownDeviceName() repeats no word of the header itself', async t => {
  const hostile = [
    '',
    'Buy-pills-at-evil.example/1',
    'Your account is closed, go to evil.example/1 (x',
    'Call +1 555 0100/ now (x',
    'Call-the-bank/1 (X11; Linux x86_64)',
    'Windows security team, call 555-0100/1 (Windows NT 10.0)',
    '<a href="https://evil.example">Chrome</a>/1 (y',
    'constructor/1',
    '__proto__/1 (x',
    '\u202eevil/1',
    `${'x'.repeat(600)} Firefox/1`
  ]
  for (const userAgent of hostile) {
    t.notMatch(knownDeviceName(userAgent), /evil|pills|call|bank|team|constructor|proto|[<>/.]|x{3}/i, userAgent)
  }
  t.equal(knownDeviceName('Buy-pills-at-evil.example/1'), 'an unknown device')
  t.equal(deviceName('Buy-pills/1'), 'Buy-pills/1', 'the owner may see what the program calls itself')
})
