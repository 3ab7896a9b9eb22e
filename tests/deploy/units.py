"""The units of systemd as they were thought out, setting by setting; what is set more than once is
joined with a bar.
"""

import re
from pathlib import Path

# Both units have exactly these, with these values, also where systemd's own tools are not installed
# to say so.
YES = (
    *(
        "NoNewPrivileges",
        "ProtectHome",
        "PrivateTmp",
        "PrivateDevices",
        "PrivateMounts",
        "PrivateUsers",
        "ProtectClock",
        "ProtectHostname",
    ),
    *(
        "ProtectKernelLogs",
        "ProtectKernelModules",
        "ProtectKernelTunables",
        "ProtectControlGroups",
        "RestrictNamespaces",
    ),
    *(
        "RestrictRealtime",
        "RestrictSUIDSGID",
        "RemoveIPC",
        "LockPersonality",
        "MemoryDenyWriteExecute",
    ),
)
HARDENING = dict.fromkeys(YES, "yes") | {
    "CapabilityBoundingSet": "",
    "AmbientCapabilities": "",
    "ProtectSystem": "strict",
    "ProtectProc": "invisible",
    "ProcSubset": "pid",
    "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX",
    "KeyringMode": "private",
    "SystemCallArchitectures": "native",
    "SystemCallFilter": "@system-service|~@privileged @debug @mount @keyring @aio",
    "SystemCallErrorNumber": "EPERM",
}
SERVICE = {
    "Type": "notify",
    "NotifyAccess": "main",
    "User": "seemachine",
    "Group": "seemachine",
    "Environment": "SEEMACHINE_HOME=/var/lib/seemachine|PYTHONDONTWRITEBYTECODE=1",
    "StateDirectory": "seemachine",
    "StateDirectoryMode": "0700",
    "RuntimeDirectory": "seemachine",
    "RuntimeDirectoryMode": "0700",
    "RuntimeDirectoryPreserve": "yes",
    "UMask": "0077",
    "Restart": "on-failure",
    "RestartSec": "5",
    "RestartPreventExitStatus": "2",
    "LimitCORE": "0",
    "LimitMEMLOCK": "infinity",
    "MemorySwapMax": "0",
}
OWN = {
    "seemachine@.service": {
        "TimeoutStartSec": "60",
        "TimeoutStopSec": "30",
        "LimitNOFILE": "4096",
        "MemoryMax": "1G",
        "TasksMax": "512",
    },
    "seemachine-fleet.service": {
        "TimeoutStartSec": "120",
        "TimeoutStopSec": "60",
        "LimitNOFILE": "16384",
        "MemoryMax": "4G",
        "TasksMax": "2048",
        "OOMPolicy": "continue",
        "KillMode": "mixed",
    },
}
UNIT = {
    "seemachine@.service": {
        "Description": "seemachine %i",
        "After": "network-online.target|seemachine-fleet.service",
        "Conflicts": "seemachine-fleet.service",
        "AssertPathExists": "/etc/seemachine/%i.toml",
    },
    "seemachine-fleet.service": {
        "Description": "seemachine fleet",
        "After": "network-online.target",
        "AssertPathExists": "/etc/seemachine/fleet.toml",
    },
}


def sections(path: Path) -> dict[str, dict[str, str]]:
    """A unit, read."""
    found: dict[str, dict[str, str]] = {}
    for line in path.read_text().splitlines():
        if header := re.fullmatch(r"\[(\w+)\]", line):
            section = found.setdefault(header[1], {})
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            section[key] = f"{section[key]}|{value}" if key in section else value
    return found
