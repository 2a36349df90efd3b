"""Pools, their members, and the guests and storages of the cluster."""

from node import ALPINE, NodeTest


class Pools(NodeTest):
    def pool(self, poolid, **options):
        self.root.pools.post(poolid=poolid, **options)
        self.addCleanup(self.root.pools(poolid).delete)

    def test_a_pool_holds_guests_and_storages(self):
        self.pool("lab", comment="a lab")
        self.container(500)
        self.root.pools("lab").put(vms="500", storage="btr")
        pool = self.root.pools("lab").get()
        self.assertEqual(pool["comment"], "a lab")
        self.assertEqual({member["id"] for member in pool["members"]}, {"lxc/500", "storage/pve1/btr"})
        self.assertEqual(self.guests(vmid=500)[0]["pool"], "lab")
        with self.refused(500, "VM 500 is already a pool member"):
            self.root.pools("lab").put(vms="500")
        with self.refused(500, "pool 'lab' is not empty"):
            self.root.pools("lab").delete()
        self.root.pools("lab").put(vms="500", storage="btr", delete=1)
        self.assertEqual(self.root.pools("lab").get()["members"], [])

    def test_a_guest_is_made_in_a_pool_and_leaves_it_with_its_end(self):
        self.pool("nursery")
        self.done(self.node.lxc.post(vmid=501, ostemplate=ALPINE, rootfs="local:1", pool="nursery"))
        self.assertEqual([member["vmid"] for member in self.root.pools("nursery").get()["members"]], [501])
        self.done(self.node.lxc(501).delete())
        self.assertEqual(self.root.pools("nursery").get()["members"], [])

    def test_a_pool_that_is_not_there_is_told_of(self):
        with self.refused(500, "pool 'nowhere' does not exist"):
            self.root.pools("nowhere").get()


class Resources(NodeTest):
    def test_guests_nodes_and_storages_are_listed(self):
        self.container(510)
        self.machine(511)
        rows = {row["id"]: row for row in self.root.cluster.resources.get()}
        self.assertLessEqual({"lxc/510", "qemu/511", "node/pve1", "storage/pve1/local"}, set(rows))
        self.assertEqual(rows["lxc/510"]["template"], 0)
        self.assertEqual([row["node"] for row in self.root.cluster.resources.get(type="node")], ["pve1"])

    def test_the_node_tells_of_itself(self):
        status = self.node.status.get()
        self.assertEqual(status["cpuinfo"]["cpus"], self.root.nodes.get()[0]["maxcpu"])
        self.assertIn("pve-manager/9.", status["pveversion"])
        self.assertIn("vmbr0", [row["iface"] for row in self.node.network.get(type="any_bridge")])
        self.assertEqual(self.root.cluster.status.get()[0]["name"], "pve1")
