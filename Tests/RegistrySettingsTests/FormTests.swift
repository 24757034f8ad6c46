import RegistrySettings
import Testing

@Suite struct `Units as Kraken's files have them` {
    @Test(
        arguments: [
            ("4MB", 4 << 20), ("4M", 4 << 20), ("4MiB", 4 << 20), ("4mb", 4 << 20), ("1024", 1024), ("1KB", 1024),
            ("50G", 50 << 30),
            ("2 TB", 2 << 40), ("0", 0), ("7B", 7),
        ] as [(String, Int64)])
    func `sizes are powers of two`(text: String, bytes: Int64) { #expect(DataSize.bytes(text) == bytes) }

    @Test(arguments: [
        "", "MB", "-1", "1.5MB", "4Mb/s", "99999999999999999999", "9223372036854775807KB", "4XB", "4IB", "٣MB",
    ])
    func `other sizes are none`(text: String) { #expect(DataSize.bytes(text) == nil) }

    @Test(
        arguments: [
            ("5s", 5), ("1m30s", 90), ("250ms", 0.25), ("1.5h", 5_400), ("24h", 86_400), ("7d", 604_800), ("0", 0),
            ("0s", 0),
            ("1us", 1e-6), (".5s", 0.5),
        ] as [(String, Double)])
    func `durations are numbers with units`(text: String, seconds: Double) {
        #expect(abs((GoDuration.seconds(text) ?? -1) - seconds) < 1e-9)
    }

    @Test(arguments: ["", "5", "s", "-5s", "5s-", "1.2.3s", "5 s", "1e3s", "99999999d", "5x", "٣s"])
    func `other durations are none`(text: String) { #expect(GoDuration.seconds(text) == nil) }

    @Test func `shares of a disk are percents`() {
        #expect(SizeOrShare("50%") == .share(0.5))
        #expect(SizeOrShare("101%") == nil && SizeOrShare("-1%") == nil && SizeOrShare("%") == nil)
        #expect(SizeOrShare("1GB") == .bytes(1 << 30))
    }
}
