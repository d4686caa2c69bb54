"""What there is to be given out: packages, virtual clusters, guarantees; and why something waits for it."""

from __future__ import annotations

from trainyard.client.transport import Transport, segment
from trainyard.records.accounts import Group, Guarantee
from trainyard.records.jobs import Package, Waiting
from trainyard.records.resources import Cluster, NewCluster, NewPackage, PackageChoice
from trainyard.records.trainings import Training


class Resources(Transport):
    """``/packages/{name}``, ``/clusters``, guarantees and waiting."""

    def put_package(self, name: str, new: NewPackage) -> Package:
        """Declare a resource package, or change one that nothing uses; administrators only.

        What the machine has not so much of is declared all the same; ``why_not`` says so then.
        """
        return self.one(Package, "PUT", f"packages/{segment(name)}", json=new)

    def delete_package(self, name: str) -> None:
        """Offer it no more; administrators only."""
        self.send("DELETE", f"packages/{segment(name)}")

    def clusters(self) -> list[Cluster]:
        """The virtual clusters the caller may use; all of them for administrators."""
        return self.many(Cluster, "clusters")

    def put_cluster(self, name: str, new: NewCluster) -> Cluster:
        """Declare a virtual cluster, or change one that nothing uses; administrators only."""
        return self.one(Cluster, "PUT", f"clusters/{segment(name)}", json=new)

    def delete_cluster(self, name: str) -> None:
        """Give its share back to the rest of the machine; administrators only."""
        self.send("DELETE", f"clusters/{segment(name)}")

    def set_guarantee(self, group: str, guarantee: Guarantee) -> Group:
        """What the group gets before anybody borrows; administrators only."""
        return self.one(Group, "PUT", f"groups/{segment(group)}/guarantee", json=guarantee)

    def waiting(self, job: str) -> Waiting | None:
        """Why a job waits, with who holds what is short, what would start now, and how long it waits at most."""
        told = self.send("GET", f"jobs/{job}/waiting").json()
        return Waiting.model_validate(told) if told else None

    def choose_package(self, training: str, package: str) -> Training:
        """Another package for a training that waits; it keeps its place."""
        return self.one(Training, "POST", f"trainings/{training}/package", json=PackageChoice(package=package))
