import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { parseUnit, readUnit, words } from '../support/units';

/** Of systemd.directives(7), as Debian 12's systemd (252) has them, and RHEL 8's (239) but for the last one. */
const known = {
  'trestle.socket': ['Unit.Description', 'Socket.ListenStream', 'Socket.SocketMode', 'Socket.DirectoryMode'].concat([
    'Socket.RemoveOnStop',
    'Install.WantedBy',
  ]),
  'trestle.service': [
    ...['Description', 'StartLimitIntervalSec', 'StartLimitBurst', 'Requires', 'After'].map((name) => `Unit.${name}`),
    ...[
      ...['Type', 'ExecStart', 'Restart', 'RestartSec', 'TimeoutStartSec', 'WatchdogSec', 'TimeoutStopSec', 'KillMode'],
      ...['OOMScoreAdjust', 'LimitNOFILE', 'TasksMax', 'UMask', 'CapabilityBoundingSet', 'NoNewPrivileges'],
      ...['RestrictAddressFamilies', 'SystemCallArchitectures', 'LockPersonality', 'RestrictRealtime'],
      ...['RestrictSUIDSGID', 'TimeoutAbortSec'],
    ].map((name) => `Service.${name}`),
    ...['WantedBy', 'Also'].map((name) => `Install.${name}`),
  ],
};

/**
 * What would give the daemon another mount, user, network, pid or IPC namespace or another root folder, so that it declines
 * every caller; take its records away; or forbid what it needs: JIT, setns(2), /proc/sys, /proc of others, room.
 */
const forbidden = [
  /^(Private|Protect|Bind|Mount|Root|Memory|ReadOnly|ReadWrite|Inaccessible|Exec.*Paths|NoExec|TemporaryFileSystem)/,
  /^(RestrictNamespaces|NetworkNamespacePath|IPCNamespacePath|JoinsNamespaceOf|ProcSubset|DynamicUser|User|Group)$/,
  /^(RuntimeDirectory|StateDirectory|CacheDirectory|LogsDirectory|ConfigurationDirectory)/,
  /^(MemoryDenyWriteExecute|RemoveIPC|SystemCallFilter|IPAddressDeny|RestrictNetworkInterfaces|CPUQuota)$/,
];

describe('The units of the daemon', () => {
  const service = readUnit('trestle.service');

  for (const [name, directives] of Object.entries(known)) {
    it(`have only directives that systemd knows, and each once: ${name}`, () => {
      const unit = readUnit(name);
      expect([...unit.keys()]).to.have.members(directives);
      expect([...unit.values()].filter((values) => values.length !== 1)).to.deep.equal([]);
    });
  }

  it('have none that takes the daemon away from its callers, or what it works with', () => {
    const names = [...service.keys()].map((key) => key.replace(/^\w+\./, ''));
    expect(names.filter((name) => forbidden.some((pattern) => pattern.test(name)))).to.deep.equal([]);
  });

  it('agree with the launcher about the socket', () => {
    const protocol = readFileSync(`${__dirname}/../../native/launcher/protocol.h`, 'utf8');
    const [, path] = /#define DAEMON_SOCKET "(.*)"/.exec(protocol) ?? [];
    expect(readUnit('trestle.socket').get('Socket.ListenStream')).to.deep.equal([path]);
  });

  it('give a request the time that its locks may take, before the daemon is killed', () => {
    const locks = readFileSync(`${__dirname}/../../lib/plugin/locks.ts`, 'utf8');
    const [, patience] = /const patienceMs = ([\d_]+);/.exec(locks) ?? [];
    // Of the attachment, of what pods share, of host-local.
    const seconds = (3 * Number(patience?.replaceAll('_', ''))) / 1000;
    expect(Number(words(service, 'Service.TimeoutStopSec')[0])).to.be.above(seconds);
  });

  it('are refused by the tests when a line of them is none', () => {
    expect(() => parseUnit('[Service]\nType = notify\n')).to.throw('a unit has the line "Type = notify"');
    expect(() => words(parseUnit('[Service]\nType=a\nType=b\n'), 'Service.Type')).to.throw('is to be there once');
  });
});
