"""High availability, backup jobs and software-defined networks."""

from node import NodeTest


class HighAvailability(NodeTest):
    def test_a_guest_is_watched_and_bound_to_a_node(self):
        self.container(800)
        ha = self.root.cluster.ha
        ha.resources.post(sid="ct:800", state="stopped", comment="c")
        ha.resources("ct:800").put(max_restart=2)
        resource = ha.resources("ct:800").get()
        self.assertEqual((resource["state"], resource["type"], resource["max_restart"]), ("stopped", "ct", 2))
        ha.rules.post(rule="home", type="node-affinity", resources="ct:800", nodes="pve1", strict=1)
        self.assertEqual([rule["rule"] for rule in ha.rules.get()], ["home"])
        with self.refused(500, "unable to remove CT 800 - used in HA resources"):
            self.node.lxc(800).delete()
        ha.rules("home").delete()
        ha.resources("ct:800").delete()
        self.assertEqual(ha.resources.get(), [])


class BackupJobs(NodeTest):
    def test_a_job_is_made_changed_and_deleted(self):
        self.container(810)
        jobs = self.root.cluster.backup
        jobs.post(id="nightly", schedule="02:30", storage="local", vmid="810", mode="snapshot")
        jobs("nightly").put(enabled=0, comment="resting")
        job = jobs("nightly").get()
        self.assertEqual((job["schedule"], job["vmid"], job["enabled"]), ("02:30", "810", 0))
        with self.refused(500, "Job 'nightly' already exists"):
            jobs.post(id="nightly", schedule="daily", storage="local", vmid="810")
        jobs("nightly").delete()
        self.assertNotIn("nightly", [job["id"] for job in jobs.get()])


class Networks(NodeTest):
    def test_a_zone_has_networks_and_they_have_subnets(self):
        sdn = self.root.cluster.sdn
        sdn.zones.post(zone="z1", type="simple", ipam="pve")
        sdn.vnets.post(vnet="net1", zone="z1")
        sdn.vnets("net1").subnets.post(subnet="10.60.0.0/24", type="subnet", gateway="10.60.0.1")
        self.assertEqual(sdn.vnets("net1").get()["zone"], "z1")
        (subnet,) = sdn.vnets("net1").subnets.get()
        self.assertEqual((subnet["subnet"], subnet["cidr"]), ("z1-10.60.0.0-24", "10.60.0.0/24"))
        with self.refused(500, "zone z1 is used by vnet net1"):
            sdn.zones("z1").delete()
        self.done(sdn.put())
        sdn.vnets("net1").subnets("z1-10.60.0.0-24").delete()
        sdn.vnets("net1").delete()
        sdn.zones("z1").delete()
        self.assertEqual(sdn.zones.get(), [])
        # What is pending would keep others from locking the configuration.
        self.done(sdn.put())
