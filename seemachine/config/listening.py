"""Where a machine may listen: not where others could reach what answers there without TLS, nor
within what it keeps.
"""

from ipaddress import ip_address
from typing import TYPE_CHECKING

from seemachine.config.setting import ConfigError
from seemachine.wire.sockets import too_long

if TYPE_CHECKING:
    from seemachine.config.settings import Config


def check_listening(config: "Config") -> None:
    """Raises ConfigError."""
    _check_socket(config)
    if config.tcp and not is_loopback(config.host):
        _check_exposed(config)


def _check_exposed(config: "Config") -> None:
    if config.tls is None and not config.insecure_bind:
        raise ConfigError(
            f"{config.host} is not a loopback address, and whoever reaches the port can sign; use"
            " TLS ([tls] in the file, or --tls-cert, --tls-key, --tls-ca), or allow it with"
            " insecure_bind = true, or --insecure-bind"
        )
    if config.fault_injection or config.latency:
        raise ConfigError(
            f"{config.host} is not a loopback address, and others rely on what answers there; a"
            " machine with fault_injection or latency is for tests on this host: leave them out"
        )


def _check_socket(config: "Config") -> None:
    if not config.socket:
        if not config.tcp:
            raise ConfigError("tcp = false leaves nothing to listen on; name a socket")
        return
    path, world = config.socket_path, config.world
    if why := too_long(path):
        raise ConfigError(f"socket: {why}")
    if any(map(path.is_relative_to, (world.machines, world.cards, world.witness))):
        raise ConfigError(f"socket takes a path outside of what the machine keeps, not {path}")


def is_loopback(host: str) -> bool:
    """An address that only this host reaches.

    Of names only localhost counts: where another one leads is for others to decide.
    """
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
