/// Numbers in a readable form. Pure; independent of locale.
enum HumanText {
    /// `999 B`, `1.5 MiB`, `200 GiB`: three significant digits.
    static func bytes(_ count: Int) -> String {
        scaled(Double(count), step: 1024, units: ["B", "KiB", "MiB", "GiB", "TiB", "PiB"])
    }

    /// `12.3 MB/s`, in powers of 1000, as usual for networks.
    static func rate(_ bytesPerSecond: Int) -> String {
        scaled(Double(bytesPerSecond), step: 1000, units: ["B/s", "kB/s", "MB/s", "GB/s", "TB/s"])
    }

    /// `7s`, `3m 05s`, `2h 10m`, `4d 06h`.
    static func time(_ seconds: Int) -> String {
        switch seconds {
        case ..<60: "\(max(0, seconds))s"
        case ..<3600: "\(seconds / 60)m \(twoDigits(seconds % 60))s"
        case ..<86_400: "\(seconds / 3600)h \(twoDigits(seconds / 60 % 60))m"
        default: "\(seconds / 86_400)d \(twoDigits(seconds / 3600 % 24))h"
        }
    }

    /// `0.0 %` to `100.0 %`; is 100 only at the end.
    static func percent(_ done: Int, of total: Int) -> String {
        guard total > 0 else { return "100.0 %" }
        let thousandths = Int(Double(max(0, min(done, total))) / Double(total) * 1000)
        let shown = done < total ? min(thousandths, 999) : 1000
        return "\(shown / 10).\(shown % 10) %"
    }

    static func plural(_ count: Int, _ one: String, _ many: String? = nil) -> String {
        "\(count) \(count == 1 ? one : many ?? one + "s")"
    }

    private static func twoDigits(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }

    private static func scaled(_ value: Double, step: Double, units: [String]) -> String {
        var value = max(0, value)
        var unit = 0
        // 999.5 would be shown as 1000.
        while value >= (unit == 0 ? step : min(step, 999.5)), unit + 1 < units.count {
            value /= step
            unit += 1
        }
        let tenths = Int((value * 10).rounded())
        let whole = unit == 0 || tenths >= 1000
        return "\(whole ? "\(Int(value.rounded()))" : "\(tenths / 10).\(tenths % 10)") \(units[unit])"
    }
}
