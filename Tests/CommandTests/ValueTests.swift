import Testing

@testable import swoop

@Suite("Sizes as people write them")
struct ByteSizeTests {
    @Test(arguments: [
        ("0", 0), ("1048576", 1 << 20), ("1B", 1), ("4KiB", 4096), ("4MiB", 4 << 20), ("2GiB", 2 << 30),
        ("1TiB", 1 << 40),
        ("1KB", 1000), ("1kB", 1000), ("500MB", 500_000_000), ("200GB", 200_000_000_000),
        ("3TB", 3_000_000_000_000),
        ("1.5GiB", 3 << 29), ("0.5KB", 500), ("2.25MB", 2_250_000), ("0.000001MB", 1), ("0.333KiB", 340),
    ])
    func `every unit means what it says`(_ text: String, _ bytes: Int) throws {
        #expect(try ByteSize.parse(text).bytes == bytes)
    }

    @Test(arguments: [
        "", " ", "-1", "+1", "MiB", "1 MiB", "1mib", "1Mb", "1MBs", "1.5", "1.MB", ".5MB", "1.2.3MB", "1e6", "0x10",
        "1,5MB",
        "٣MB", "1MB ", "NaN", "1.1234567MB", "1K", "1G",
    ])
    func `nonsense is refused`(_ text: String) {
        #expect(throws: ArgumentProblem.self) { try ByteSize.parse(text) }
    }

    @Test(arguments: [
        "9223372036854775808", "99999999999999999999999", "8388608TiB", "9223372036854775807KB",
        "8388607.999999999TiB",
    ])
    func `what does not fit is refused and does not trap`(_ text: String) {
        #expect(throws: ArgumentProblem.self) { try ByteSize.parse(text) }
    }

    @Test
    func `the largest that fits is taken`() throws {
        #expect(try ByteSize.parse("9223372036854775807").bytes == .max)
        #expect(try ByteSize.parse("8388607TiB").bytes == 8_388_607 << 40)
        #expect(try ByteSize.parse("8388607.999999TiB").bytes > 8_388_607 << 40)
    }

    @Test
    func `a lower-case b is told apart as bits`() {
        #expect(throws: ArgumentProblem("'Mb' would be bits; write bytes with a capital B, as in 10MB")) {
            try ByteSize.parse("10Mb")
        }
    }
}

@Suite("Rates")
struct RateTests {
    @Test(arguments: ["10MB/s", "10MB", "10000KB/s", "10000000"])
    func `per second or not, it is the same`(_ text: String) throws {
        #expect(try Rate.parse(text).bytesPerSecond == 10_000_000)
    }

    @Test(arguments: ["0", "0MB/s", "10MB/m", "10Mb/s", "/s", "10MB/s/s", "10MBps", "fast"])
    func `nonsense is refused`(_ text: String) {
        #expect(throws: ArgumentProblem.self) { try Rate.parse(text) }
    }
}

@Suite("Durations")
struct TimeSpanTests {
    @Test(arguments: [
        ("0", 0), ("0s", 0), ("30s", 30), ("5m", 300), ("72h", 259_200), ("2d", 172_800), ("1h30m", 5400),
        ("1d2h3m4s", 93_784), ("90m", 5400), ("3650d", 315_360_000),
    ])
    func `units and their combinations`(_ text: String, _ seconds: Int) throws {
        #expect(try TimeSpan.parse(text).seconds == seconds)
    }

    @Test(arguments: [
        "", "30", "s", "-5s", "5 m", "30m1h", "1h1h", "1.5h", "5min", "5S", "3651d", "3650d1s",
        "9223372036854775807d",
        "99999999999999999999s", "٣s",
    ])
    func `nonsense is refused`(_ text: String) {
        #expect(throws: ArgumentProblem.self) { try TimeSpan.parse(text) }
    }

    @Test
    func `a missing unit is named with the number that lacks it`() {
        #expect(throws: ArgumentProblem("a unit is missing: write 30s, 30m, 30h or 30d")) { try TimeSpan.parse("30") }
    }
}

@Suite("Addresses")
struct AddressArgumentTests {
    @Test(arguments: [
        ("6969", "[::]:6969"), (":6969", "[::]:6969"), ("0", "[::]:0"), ("127.0.0.1:0", "127.0.0.1:0"),
        ("10.0.0.1:65535", "10.0.0.1:65535"), ("[::1]:6881", "[::1]:6881"), ("[::]:80", "[::]:80"),
        ("0.0.0.0:1", "0.0.0.0:1"),
    ])
    func `where to listen`(_ text: String, _ shown: String) throws {
        #expect(try AddressArgument.listen(text).description == shown)
    }

    @Test(arguments: [
        "", ":", "65536", ":99999", "10.0.0.1", "10.0.0.1:", "::1", "[::1]", "::1:80", "[10.0.0.1]:80",
        "localhost:80",
        "1.2.3:80", "10.0.0.256:1", "-1", "1.2.3.4:+5", "[::1]:x", "[fe80::1%eth0]:80",
    ])
    func `where nobody can listen`(_ text: String) {
        #expect(throws: ArgumentProblem.self) { try AddressArgument.listen(text) }
    }

    @Test
    func `a peer needs an address and a port one can connect to`() throws {
        #expect(try AddressArgument.peer("10.0.0.1:6881").description == "10.0.0.1:6881")
        #expect(try AddressArgument.peer("[2001:db8::1]:1").description == "[2001:db8::1]:1")
        for text in ["6881", ":6881", "10.0.0.1:0", "0.0.0.0:80", "[::]:80", "host:80"] {
            #expect(throws: ArgumentProblem.self) { try AddressArgument.peer(text) }
        }
    }

    @Test
    func `an address to announce has no port`() throws {
        #expect(try AddressArgument.host("203.0.113.7") == "203.0.113.7")
        #expect(try AddressArgument.host("[2001:DB8::7]") == "2001:db8::7")
        for text in ["", "203.0.113.7:80", "example.org", "0.0.0.0", "[]"] {
            #expect(throws: ArgumentProblem.self) { try AddressArgument.host(text) }
        }
    }
}

@Suite("Words of a command")
struct CommandWordsTests {
    @Test
    func `blanks separate, quotes and backslashes keep`() throws {
        #expect(try CommandWords.split("/bin/hook") == ["/bin/hook"])
        #expect(try CommandWords.split("  a  b\tc ") == ["a", "b", "c"])
        #expect(try CommandWords.split("'a b' \"c d\" e\\ f") == ["a b", "c d", "e f"])
        #expect(try CommandWords.split("a'b'\"c\"d ''") == ["abcd", ""])
        #expect(try CommandWords.split(#"x "a\"b\\c\n" 'd\e'"#) == ["x", #"a"b\c\n"#, #"d\e"#])
    }

    @Test
    func `what a shell would make of it is left alone`() throws {
        #expect(try CommandWords.split("echo $HOME *.txt a|b >c;d") == ["echo", "$HOME", "*.txt", "a|b", ">c;d"])
    }

    @Test(arguments: ["'a", "\"a", "a\\", "", "  ", "''"])
    func `an open quote, a lone backslash and nothing at all are refused`(_ line: String) {
        #expect(throws: ArgumentProblem.self) { try CommandWords.split(line) }
    }
}

@Suite("Names of sites")
struct SiteNameTests {
    @Test(arguments: ["a", "Kino am Raschplatz", "Zürich 3", String(repeating: "x", count: 64)])
    func `what people call a place is taken`(_ text: String) throws {
        #expect(try SiteName.parse(text) == text)
    }

    @Test(arguments: [
        "", "a\nb", "a\u{7f}", "\u{1b}[2J", String(repeating: "x", count: 65), String(repeating: "ü", count: 33),
    ])
    func `what others could not read, or would not take, is refused`(_ text: String) {
        #expect(throws: ArgumentProblem.self) { try SiteName.parse(text) }
    }
}
