import Address
import Testing
import Tracking

@Suite struct `Addresses from a tracker` {
    private func passing(_ texts: [String], _ filter: PeerAddressFilter = PeerAddressFilter()) -> [String] {
        filter.filter(texts.compactMap { PeerAddress($0) }).map(\.description)
    }

    @Test func `pass when they are ordinary or of a site`() {
        let good = ["1.2.3.4:80", "10.0.0.1:6881", "192.168.1.1:1", "[2001:db8::1]:5", "[fd00::1]:5"]
        #expect(passing(good) == good)
    }

    @Test func `are dropped when nobody can be there`() {
        #expect(passing(["1.2.3.4:0", "0.0.0.0:80", "0.1.2.3:80", "[::]:80"]).isEmpty)
        #expect(passing(["224.0.0.1:80", "255.255.255.255:80", "[ff02::1]:80"]).isEmpty)
    }

    @Test func `are dropped on this host and link, unless the tracker is there itself`() {
        let local = ["127.0.0.1:80", "[::1]:80", "[::ffff:127.0.0.1]:81"]
        let link = ["169.254.169.254:80", "[fe80::1]:80"]
        #expect(passing(local + link).isEmpty)
        let filter = PeerAddressFilter()
        #expect(passing(local, filter.trusting(source: PeerAddress("127.0.0.2:6969"))).count == 3)
        #expect(passing(link, filter.trusting(source: PeerAddress("127.0.0.2:6969"))).isEmpty)
        #expect(passing(link, filter.trusting(source: PeerAddress("169.254.1.1:6969"))).count == 2)
        #expect(passing(local, filter.trusting(source: PeerAddress("10.0.0.1:6969"))).isEmpty)
        #expect(passing(local, filter.trusting(source: nil)).isEmpty)
    }

    @Test func `are dropped when they are this node, but not its neighbour on another port`() {
        let own = Set(["10.0.0.1:6881"].compactMap { PeerAddress($0) })
        #expect(passing(["10.0.0.1:6881", "10.0.0.1:6882"], PeerAddressFilter(own: own)) == ["10.0.0.1:6882"])
    }

    @Test func `come once each, and no more than the limit`() {
        #expect(passing(["1.1.1.1:1", "1.1.1.1:1", "1.1.1.1:2"]) == ["1.1.1.1:1", "1.1.1.1:2"])
        #expect(passing((1...50).map { "1.1.1.1:\($0)" }, PeerAddressFilter(limit: 7)).count == 7)
    }
}

@Suite struct `A tracker's URL` {
    @Test func `is taken apart`() throws {
        let udp = try #require(TrackerURL("udp://[2001:db8::1]:6969/announce?a=b#c"))
        #expect(udp.scheme == .udp && udp.host == "2001:db8::1" && udp.port == 6969)
        #expect(udp.pathAndQuery == "/announce?a=b")
        #expect(TrackerURL("HTTPS://t.example")?.port == 443)
        #expect(TrackerURL("http://t.example:/x")?.port == 80)
        #expect(TrackerURL("udp://t.example:1?x")?.pathAndQuery == "?x")
    }

    @Test(arguments: [
        "", "udp://t.example", "wss://t.example:1", "http://", "http://:80/", "http://a:99999/", "http://a:0/",
        "http://u@a/",
        "http://a b/", "http://a\r\nb/", "http://2001:db8::1/", "udp://[::1:5", "http:/a", "://a", "udp://a:-1",
    ]) func `that cannot be used is refused`(text: String) {
        #expect(TrackerURL(text) == nil)
    }

    @Test func `that is too long is refused`() {
        #expect(TrackerURL("http://a/" + String(repeating: "x", count: 5_000)) == nil)
    }
}
