"""Whether this machine is fit for a model server, and whether a client in a container reaches one.

Every check asks a ``Host`` and judges what it hears; only ``LocalHost`` touches the machine.
"""

from moorage.engines.machine.checks import check_machine
from moorage.engines.machine.containers import container_log
from moorage.engines.machine.host import Host, LocalHost
from moorage.engines.machine.reach import check_reach
from moorage.engines.machine.verdict import Check, check_data

__all__ = ["Check", "Host", "LocalHost", "check_data", "check_machine", "check_reach", "container_log"]
