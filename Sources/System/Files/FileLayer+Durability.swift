import Glibc

extension FileLayer {
    /// Makes durable what was made, renamed or removed in a directory.
    ///
    /// Some file systems of networks and of mounted buckets do not sync directories and say so: with them there is
    /// nothing to do, and nothing to report.
    package func synchronizeEntries(of directory: Descriptor) throws(SystemError) {
        do {
            try synchronize(directory, dataOnly: false)
        } catch  where [EINVAL, EOPNOTSUPP, ENOSYS].contains(error.number) {}
    }
}
