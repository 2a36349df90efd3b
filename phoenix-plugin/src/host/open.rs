//! An opened library. It is opened from memory, as it was checked, and never closed again: what it registered with the
//! process would outlive it.
#![allow(unsafe_code, reason = "a library of others is opened and called")]

use std::{
    ffi::{OsString, c_void},
    io::Write as _,
    mem::ManuallyDrop,
    os::fd::AsRawFd as _,
    ptr,
};

use libloading::os::unix::{Library as Opened, RTLD_LOCAL, RTLD_NOW};
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

use super::{error::PluginError, library::check_head};
use crate::table::{CallFn, FreeFn, TABLE, Table};

/// The largest answer that is taken.
pub(super) const LARGEST_ANSWER: usize = 16 << 20;

/// A library that is open.
pub(super) struct Open {
    name: String,
    call: CallFn,
    free: FreeFn,
    _library: ManuallyDrop<Opened>,
}

/// A library in memory, ready to be opened.
pub(super) struct Ready {
    name: String,
    file: std::fs::File,
}

impl Ready {
    /// Puts the library into a file that only this process has, and that nobody can change.
    pub(super) fn new(name: &str, library: &[u8]) -> Result<Self, PluginError> {
        let sealed = || -> std::io::Result<std::fs::File> {
            let mut file: std::fs::File =
                memfd_create(name, MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?.into();
            file.write_all(library)?;
            fcntl_add_seals(&file, SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL)?;
            Ok(file)
        };
        match sealed() {
            Ok(file) => Ok(Self { name: name.to_owned(), file }),
            Err(error) => Err(PluginError::Open {
                name: name.to_owned(),
                why: format!("it does not go into memory: {error}"),
            }),
        }
    }

    /// Opens it. From here on code of others runs.
    pub(super) fn open(self) -> Result<Open, PluginError> {
        let Self { name, file } = self;
        let path = OsString::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
        // SAFETY: nobody can promise what a library of others does when it is opened. Its file was listed with its
        // SHA-256 by the user, it keeps the contract as far as its file shows, and it is opened with all its symbols
        // resolved, so that it cannot fail later for want of one.
        let opened = unsafe { Opened::open(Some(&path), RTLD_NOW | RTLD_LOCAL) };
        let library = match opened {
            Ok(library) => ManuallyDrop::new(library),
            Err(error) => {
                let said =
                    std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
                let why = said.replace(&*path.to_string_lossy(), "it");
                return Err(PluginError::Open { name, why });
            }
        };
        let refused = |why: String| PluginError::Table { name: name.clone(), why };
        // SAFETY: the symbol is used as an address alone.
        let symbol = unsafe { library.get::<*const c_void>(TABLE) };
        let table = match symbol {
            Ok(symbol) => symbol.into_raw().cast_const().cast::<Table>(),
            Err(_) => return Err(refused(format!("it exports no `{TABLE}`"))),
        };
        if table.is_null() || !table.is_aligned() {
            return Err(refused(format!("its `{TABLE}` is at no address for one")));
        }
        // SAFETY: the symbol stands in the library's data; its first eight bytes were found in the file.
        let size = unsafe { ptr::read(&raw const (*table).size) };
        // SAFETY: as above.
        let protocol = unsafe { ptr::read(&raw const (*table).protocol) };
        check_head(size, protocol).map_err(&refused)?;
        // SAFETY: it says that it is as large as a table of this version.
        let table = unsafe { ptr::read(table) };
        match (table.call, table.free) {
            (Some(call), Some(free)) => Ok(Open { name, call, free, _library: library }),
            _ => Err(refused(format!("a function of its `{TABLE}` is missing"))),
        }
    }
}

impl Open {
    /// Calls it with the JSON of a call.
    pub(super) fn call(&self, request: &[u8]) -> Result<Vec<u8>, PluginError> {
        let failed = |why: String| PluginError::Answer { name: self.name.clone(), why };
        let (mut answer, mut size) = (ptr::null_mut(), 0);
        // SAFETY: the contract of `Table::call`: the request can be read, both results can be written.
        let status = unsafe { (self.call)(request.as_ptr(), request.len(), &raw mut answer, &raw mut size) };
        if status != 0 {
            return Err(failed(format!("`call` returned {status}")));
        }
        if answer.is_null() {
            return Err(failed("`call` returned no answer".to_owned()));
        }
        let taken = match size <= LARGEST_ANSWER {
            // SAFETY: the contract of `Table::call`: so many bytes stand there until `free` is called.
            true => Ok(unsafe { std::slice::from_raw_parts(answer, size) }.to_vec()),
            false => Err(failed(format!("its answer has {size} bytes, and {LARGEST_ANSWER} are the most"))),
        };
        // SAFETY: it is what `call` gave, and is given back once.
        unsafe { (self.free)(answer, size) };
        taken
    }
}
