#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The time zone of this machine (`TZ`, else `/etc/localtime`), from the C library.
package struct SystemWallClock: WallClock {
    package init() { tzset() }

    package func utcOffset(at instant: Instant) -> Int { broken(instant).tm_gmtoff }

    package func zoneName(at instant: Instant) -> String {
        let time = broken(instant)
        // The name belongs to the C library, which keeps it as long as the process lives.
        return time.tm_zone.map { String(cString: $0) } ?? "UTC"
    }

    private func broken(_ instant: Instant) -> tm {
        var time = tm()
        var seconds = time_t(instant.wholeSeconds)
        localtime_r(&seconds, &time)
        return time
    }
}
