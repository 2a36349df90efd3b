//! How long everything takes, in virtual milliseconds: the one table. Short enough to watch, long enough that order
//! and parallelism show.

use std::time::Duration;

/// Creating a container from an OS template.
pub(crate) const CREATE_LXC: u64 = 1500;
/// Creating a virtual machine, without an image.
pub(crate) const CREATE_VM: u64 = 300;
/// Importing a disk image.
pub(crate) const IMPORT: u64 = 1500;
/// A full clone.
pub(crate) const CLONE_FULL: u64 = 1200;
/// A linked clone.
pub(crate) const CLONE_LINKED: u64 = 300;
/// Starting a container.
pub(crate) const START_LXC: u64 = 600;
/// Starting a virtual machine until its agent answers.
pub(crate) const START_VM: u64 = 900;
/// Stopping or shutting down.
pub(crate) const STOP: u64 = 400;
/// Taking a snapshot, removing one, returning to one.
pub(crate) const SNAPSHOT: u64 = 200;
/// Turning into a template.
pub(crate) const TEMPLATE: u64 = 150;
/// Handing a guest over to another node, without its disks.
pub(crate) const MIGRATE: u64 = 300;
/// How long a clean shutdown waits if nothing is said.
pub(crate) const SHUTDOWN_WAIT: u64 = 180_000;
/// Growing a disk.
pub(crate) const RESIZE: u64 = 150;
/// Destroying.
pub(crate) const DESTROY: u64 = 300;
/// A configuration change that is a task.
pub(crate) const CONFIGURE: u64 = 50;
/// Removing a volume.
pub(crate) const DELETE_VOLUME: u64 = 50;
/// Downloading an OS template.
pub(crate) const FETCH_TEMPLATE: u64 = 1200;
/// Downloading a disk image.
pub(crate) const FETCH_IMAGE: u64 = 1800;

/// How long one allocation holds its storage's lock.
pub(crate) const ALLOCATE: u64 = 40;
/// How long a linked clone or a conversion to a base holds its storage's lock.
pub(crate) const ALLOCATE_LINKED: u64 = 100;
/// How long PVE waits for a lock before it gives up.
pub(crate) const LOCK_WAIT: u64 = 10_000;

/// Installing packages: what it takes however few they are.
pub(crate) const INSTALL: u64 = 400;
/// Installing packages: what each adds.
pub(crate) const INSTALL_EACH: u64 = 40;
/// A program that writes much (`locale-gen`, `update-ca-certificates`).
pub(crate) const SLOW_PROGRAM: u64 = 250;
/// Starting or stopping a unit.
pub(crate) const UNIT: u64 = 80;
/// Writing a file, making a user.
pub(crate) const TOUCH: u64 = 10;

/// Returns a virtual time as a real one at this speed.
pub(crate) fn real(millis: u64, speed: f64) -> Duration {
    if speed.is_finite() && speed > 0.0 {
        Duration::from_millis(millis).div_f64(speed)
    } else {
        Duration::ZERO
    }
}
