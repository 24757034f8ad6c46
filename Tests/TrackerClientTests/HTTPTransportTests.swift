import HTTPTransport
import NIOCore
import TestSupport
import Testing
import Text
import TrackerClient

@Suite struct `An HTTP URL` {
    @Test func `A failure of TLS is told in words, without the library's source files`() {
        let text = "handshakeFailed(NIOSSL.BoringSSLError.sslError([Error: 268435581 error:1000007d:SSL routines:"
            + "OPENSSL_internal:CERTIFICATE_VERIFY_FAILED at /build/handshake.cc:320]))"
        #expect(HTTPTransportError.tlsReason(text) == "certificate verify failed")
        #expect(HTTPTransportError.tlsReason("unknown") == "unknown")
    }

    @Test func `is taken apart and put together again`() throws {
        let url = try #require(HTTPURL("HTTPS://CDN.Example:443/a b/%41?x=ü#frag"))
        #expect(url.text == "https://cdn.example/a%20b/%41?x=%C3%BC")
        #expect(try #require(HTTPURL("http://[2001:DB8::1]:8080")).text == "http://[2001:db8::1]:8080/")
    }

    @Test(arguments: [
        "ftp://a/", "http://", "http:///x", "http://a@b/", "http://a\\@b/", "http://a:0/", "http://a:99999/",
        "http://a:1x/",
        "http://a/\u{1}", "http://a\nb/", "http://[::1", "http://ü.example/", "http://a%2eb/", "//a/b", "/x", "",
    ]) func `that could be read in two ways is refused`(text: String) {
        #expect(HTTPURL(text) == nil)
    }

    @Test(
        arguments: [
            ("http://b.example/x", "http://b.example/x"), ("//b.example/x", "http://b.example/x"),
            ("/x?y", "http://a.example:81/x?y"), ("x", "http://a.example:81/dir/x"),
            ("?q", "http://a.example:81/dir/file?q"),
            ("", "http://a.example:81/dir/file?query"), ("#f", "http://a.example:81/dir/file?query"),
            ("x:y/z", nil), ("javascript:alert(1)", nil), ("gopher://a/", nil),
        ] as [(String, String?)]) func `resolves what a Location header says`(location: String, target: String?) throws
    {
        let base = try #require(HTTPURL("http://a.example:81/dir/file?query"))
        #expect(base.resolving(location)?.text == target)
    }

    @Test func `grows by names, byte for byte, before its query`() throws {
        let base = try #require(HTTPURL("http://a/pre?token=1"))
        let names: [[UInt8]] = [Array("ä/?#%".utf8), [0xff, 0x20, 0x2b]]
        #expect(base.appending(names)?.text == "http://a/pre/%C3%A4%2F%3F%23%25/%FF%20%2B?token=1")
        #expect(try #require(HTTPURL("http://a/")).appending([Array("x".utf8)])?.text == "http://a/x")
    }
}

@Suite struct `The reach of an address` {
    @Test(arguments: [
        ("1.1.1.1", AddressReach.everywhere), ("2001:4860::1", .everywhere), ("100.128.0.1", .everywhere),
        ("172.32.0.1", .everywhere), ("10.1.2.3", .site), ("172.31.0.1", .site), ("192.168.0.1", .site),
        ("100.64.0.1", .site), ("198.18.0.1", .site), ("fd12::1", .site), ("169.254.169.254", .link),
        ("fe80::1", .link),
        ("224.0.0.1", .link), ("255.255.255.255", .link), ("ff02::1", .link), ("127.0.0.1", .host),
        ("127.9.9.9", .host),
        ("0.0.0.0", .host), ("::1", .host), ("::", .host), ("::ffff:127.0.0.1", .host),
        ("::ffff:169.254.169.254", .link),
        ("::10.0.0.1", .site), ("64:ff9b::a00:1", .site), ("2002:7f00:1::", .host),
    ]) func `is known`(address: String, reach: AddressReach) throws {
        #expect(AddressReach(try SocketAddress(ipAddress: address, port: 80)) == reach)
    }

    @Test(arguments: [
        ("fd00:ec2::254", AddressReach.link), ("fd20:ce::254", .link), ("100.100.100.200", .link),
        ("192.0.0.192", .link),
        ("64:ff9b::a9fe:a9fe", .link), ("64:ff9b::7f00:1", .host), ("64:ff9b:1::1", .site),
        ("2001:0:1:2:3:4:80ff:fffe", .host),
    ]) func `is known of clouds' and translated addresses`(address: String, reach: AddressReach) throws {
        #expect(AddressReach(try SocketAddress(ipAddress: address, port: 80)) == reach)
    }

    @Test func `decides where a redirect may lead`() {
        for inside in [ReachSet.site, .link, .host] {
            #expect(ReachSet.everywhere.redirectTargets.isDisjoint(with: inside))
            #expect(inside.redirectTargets.isSuperset(of: [inside, .everywhere]))
        }
        #expect(ReachSet.site.redirectTargets == [.site, .everywhere])
        #expect(ReachSet.host.redirectTargets.contains(.site))
        #expect(ReachSet().redirectTargets == .everywhere)
    }

    @Test func `that is the farthest of a name's decides, not the nearest`() {
        for inside in [ReachSet.site, .link, .host] {
            #expect(inside.union(.everywhere).redirectTargets == .everywhere)
        }
        #expect(ReachSet([.host, .site]).redirectTargets == [.site, .everywhere])
        #expect(ReachSet([.link, .site]).redirectTargets == [.site, .everywhere])
    }
}

@Suite struct `A URL that a torrent names` {
    private func addresses(_ rule: AddressRule, _ text: String) throws -> ReachSet {
        rule.addresses(of: try #require(HTTPURL(text)))
    }

    @Test func `never leads to this link, and to this host only as a tracker's or without a query`() throws {
        for rule in [AddressRule.torrentTracker, .torrentWebSeed] {
            for text in ["http://a/announce", "http://a/announce?x", "http://a/x"] {
                let found = try addresses(rule, text)
                #expect(!found.contains(.link) && found.isSuperset(of: [.site, .everywhere]))
            }
        }
        #expect(try addresses(.torrentTracker, "http://a/announce").contains(.host))
        for text in ["http://a/announce?x", "http://a/x", "http://a/announce/x", "http://a/announce.php", "http://a/"] {
            #expect(try !addresses(.torrentTracker, text).contains(.host))
        }
        #expect(try addresses(.torrentWebSeed, "http://a/dir/file").contains(.host))
        #expect(try !addresses(.torrentWebSeed, "http://a/dir/file?x").contains(.host))
        #expect(try addresses(.trusted, "http://a/x?y") == .all)
    }
}

@Suite struct `Redirects` {
    private func get(_ location: String) async throws -> (Result<HTTPAnswer, HTTPTransportError>, requests: Int) {
        try await RawServer.with(at: PublicHost.address) { head, _ in
            head.hasPrefix("GET /end")
                ? [.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")]
                : [.send("HTTP/1.1 302 Found\r\nContent-Length: 0\r\nLocation: \(location)\r\n\r\n")]
        } _: { server in
            let transport = PublicHost.transport()
            let url = try #require(HTTPURL("http://cdn.example:\(server.port)/start"))
            let outcome: Result<HTTPAnswer, HTTPTransportError>
            do throws(HTTPTransportError) {
                outcome = .success(try await transport.get(url, deadline: .now() + .seconds(5)))
            } catch {
                outcome = .failure(error)
            }
            let count = server.requests.count
            await transport.shutdown()
            return (outcome, count)
        }
    }

    @Test(arguments: [
        "http://127.0.0.1:1/", "http://169.254.169.254/latest/meta-data/", "http://10.0.0.1/", "http://[::1]/",
        "http://[fe80::1]/", "http://[::ffff:10.0.0.1]/", "http://inside.example/", "https://inside.example/",
        "http://mixed.example/", "https://mixed.example/", "http://2130706433/", "http://0x7f.1/", "http://0177.0.0.1/",
        "http://0/", "http://0xa9fea9fe/",
    ]) func `from a public server to an inside address are refused before anything is sent there`(
        location: String
    ) async throws {
        let (outcome, requests) = try await get(location)
        guard case .failure(.refusedRedirect(from: "cdn.example", _)) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(requests == 1)
    }

    @Test func `within the same server are followed`() async throws {
        let (outcome, requests) = try await get("/end")
        #expect(try outcome.get().status == .ok)
        #expect(requests == 2)
    }

    @Test func `to what cannot be fetched are refused`() async throws {
        for location in ["file:///etc/passwd", "http://a@b/", "data:,x"] {
            guard case (.failure(.badRedirect), 1) = try await get(location) else {
                Issue.record("\(location) was followed")
                return
            }
        }
    }

    @Test func `in a circle end`() async throws {
        let (outcome, requests) = try await get("/start")
        guard case .failure(.tooManyRedirects) = outcome else {
            Issue.record("\(outcome)")
            return
        }
        #expect(requests == 6)
    }

    @Test func `to a magnet link say which`() async throws {
        let magnet = "magnet:?xt=urn:btih:0123456789012345678901234567890123456789"
        let (outcome, requests) = try await get(magnet)
        #expect(throws: HTTPTransportError.leadsToMagnet(host: "cdn.example", magnet: magnet)) { try outcome.get() }
        #expect(requests == 1)
    }
}
