import Glibc

/// How system calls are made: again after a signal, and until all is done.
package enum SystemCall {
    /// Makes a call again as long as a signal interrupts it.
    @discardableResult
    package static func retrying<Value: SignedInteger>(_ call: () -> Value) throws(SystemError) -> Value {
        while true {
            let value = call()
            if value >= 0 { return value }
            if errno != EINTR { throw .current }
        }
    }

    /// Calls until `count` bytes have been moved or a call moves none.
    /// - Parameter call: moves what is left; its argument says how many bytes have been moved, its answer how many more.
    /// - Returns: the bytes moved.
    package static func whole(_ count: Int, _ call: (Int) -> Int) throws(SystemError) -> Int {
        var done = 0
        while done < count {
            let moved = try retrying { call(done) }
            if moved == 0 { break }
            done += moved
        }
        return done
    }
}
