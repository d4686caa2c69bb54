"""Who may start now, with which devices, and for everybody else why not, in numbers. Pure: no clock, no database.

The order: those who may not be preempted first, then priority, then time; within it, who asks for no more than their group's
guarantee goes before those who borrow. A request for several replicas gets all of them or none.

Guarantees, held for any input by the property tests:

- what is started never takes a person, a group, a virtual cluster or the machine above a limit that it was below;
- within one scope (a person's share, a group's, the machine) nobody is overtaken by one behind who asks for as much or more;
- a device is given to one holder at a time, whole, and every holder of an amount gets exactly that many devices;
- nothing starves: who asks for no more than their group's guarantee starts within the longest time limit of what runs.

Who waits sets aside what is free in the scope that is short for them. So small requests behind may use what is left, and a
large request in front is not starved by a stream of small ones. While somebody waits for what their group is guaranteed, nobody
borrows what any group is guaranteed. Preemptible requests use what is idle, also what others wait for: they are stopped, as few
as possible and the newest first, as soon as somebody who may not be preempted can start in their place.
"""

from trainyard.quotas.admission import Admission, Wait, admit, fits, never
from trainyard.quotas.asked import GIB, Amount, Holding, Limits, Request, Share
from trainyard.quotas.disk import bytes_left, room
from trainyard.quotas.forecast import Facts, at_latest, startable
from trainyard.quotas.packages import PackageSize, given_by, package, packages
from trainyard.quotas.queue import Queue
from trainyard.quotas.shortage import Scope, Shortage
from trainyard.sizes import readable

__all__ = [
    "GIB",
    "Admission",
    "Amount",
    "Facts",
    "Holding",
    "Limits",
    "PackageSize",
    "Queue",
    "Request",
    "Scope",
    "Share",
    "Shortage",
    "Wait",
    "admit",
    "at_latest",
    "bytes_left",
    "fits",
    "given_by",
    "never",
    "package",
    "packages",
    "readable",
    "room",
    "startable",
]
