import Foundation
import Hashing
import TestSupport
import Testing

/// Several origins of which one has no room or a bad disk, or that strangers may reach.
@Suite("Several origins in trouble", .serialized)
struct OriginTroubleTests {
    private func push(_ origins: TestOrigins, _ path: String, _ reference: String, to number: Int) async throws
        -> Program.Ending
    {
        try await origins.start(["push", path, reference], at: origins.hosts[number]).ending(within: 120)
    }

    @Test func `An origin without room refuses, the others take what it cannot, and it goes on when it has room`()
        async throws
    {
        let origins = try await TestOrigins(3, small: .init(number: 0, size: "24m"))
        let work = origins.work
        let small = try SampleFiles.file(work.path("from/small.bin"), 3 << 20, seed: 71)
        let large = try SampleFiles.file(work.path("from/large.bin"), 40 << 20, seed: 72)
        let (smallHex, largeHex) = (OCIClient.hex(of: 3 << 20, seed: 71), OCIClient.hex(of: 40 << 20, seed: 72))
        #expect(try await push(origins, small, "team/small:1", to: 0).status == 0)
        try await wait(30, for: "three copies") { (0..<3).allSatisfy { origins.has(smallHex, $0) } }
        let refused = try await push(origins, large, "team/large:1", to: 0)
        #expect(refused.status == 6 && refused.errors.contains("no space"), "\(refused)")
        let elsewhere = try await push(origins, large, "team/large:1", to: 1)
        #expect(elsewhere.status == 0, "\(elsewhere)")
        #expect(origins.has(largeHex, 1) && origins.has(largeHex, 2))
        // What it has it gives, and what it has not it reads through.
        for (name, file) in [("small", small), ("large", large)] {
            let out = work.path("out-\(name)")
            let pulled = try await origins.start(
                ["pull", "team/\(name):1", "-o", out, "--direct"], at: origins.hosts[0]
            ).ending(within: 120)
            #expect(pulled.status == 0, "\(pulled)")
            #expect(FileManager.default.contentsEqual(atPath: "\(out)/\(name).bin", andPath: file))
        }
        let pid = origins.programs[0].pid
        let grown = try await Program(
            ["nsenter", "-m", "-t", "\(pid)", "mount", "-o", "remount,size=200m", work.path("origin0")]
        ).ending()
        try #require(grown.status == 0, "\(grown)")
        let more = try SampleFiles.file(work.path("from/more.bin"), 30 << 20, seed: 73)
        let taken = try await push(origins, more, "team/more:1", to: 0)
        #expect(taken.status == 0, "\(taken)")
        try await wait(90, for: "the copy that had no room") { origins.has(largeHex, 0) }
    }

    @Test func `What is bad on one origin's disk reaches nobody, and is mended from the others`() async throws {
        let origins = try await TestOrigins(3)
        let (size, seed) = (6 << 20, UInt64(74))
        let file = try SampleFiles.file(origins.work.path("from/app.bin"), size, seed: seed)
        let hex = OCIClient.hex(of: size, seed: seed)
        #expect(try await push(origins, file, "team/app:1", to: 0).status == 0)
        try await wait(30, for: "three copies") { (0..<3).allSatisfy { origins.has(hex, $0) } }
        for number in 0..<2 {
            let handle = try FileHandle(forUpdating: URL(fileURLWithPath: origins.path(of: hex, number)))
            for piece in [1, 7, 20] {
                try handle.seek(toOffset: UInt64(piece * (256 << 10) + 77 + number))
                try handle.write(contentsOf: Data("wrong".utf8))
            }
            try handle.close()
        }
        for number in 0..<3 {
            let out = origins.work.path("out\(number)")
            let pulled = try await origins.start(
                ["pull", "team/app:1", "-o", out, "--direct", "--timeout", "20s"], at: origins.hosts[number]
            ).ending(within: 120)
            #expect(pulled.status == 0, "\(pulled)")
            #expect(FileManager.default.contentsEqual(atPath: out + "/app.bin", andPath: file))
        }
        // Whatever readers did not find, a scrub does.
        for number in 0..<2 {
            let asked = try await OCIClient(authority: origins.hosts[number]).call("POST", "/v1/scrub")
            #expect(asked.status == 202, "\(asked)")
        }
        try await wait(60, for: "what is mended") {
            (0..<2).allSatisfy {
                OCIClient.digest(of: FileManager.default.contents(atPath: origins.path(of: hex, $0)) ?? Data())
                    == "sha256:" + hex
            }
        }
    }

    @Test func `A torrent that is forged at two of three origins brings nobody a wrong byte`() async throws {
        let origins = try await TestOrigins(3)
        let (size, seed) = (2 << 20, UInt64(79))
        let file = try SampleFiles.file(origins.work.path("from/app.bin"), size, seed: seed)
        let hex = OCIClient.hex(of: size, seed: seed)
        #expect(try await push(origins, file, "team/app:1", to: 0).status == 0)
        try await wait(30, for: "three copies") { (0..<3).allSatisfy { origins.has(hex, $0) } }
        // A state of the chain that is none of the blob's. What the origins remember of the right torrent is gone with a restart.
        for number in 0..<2 {
            try await origins.kill(number)
            let path = origins.work.path("origin\(number)/info/\(hex.prefix(2))/\(hex.dropFirst(2).prefix(2))/\(hex)")
            var info = try #require(FileManager.default.contents(atPath: path))
            let key = try #require(info.range(of: Data("12:sha256 chain".utf8)))
            info[key.upperBound + 50] ^= 1
            try info.write(to: URL(fileURLWithPath: path))
            try await origins.restart(number)
        }
        for number in 0..<3 {
            let out = origins.work.path("out\(number)")
            let pulled = try await origins.start(
                ["pull", "team/app:1", "-o", out, "--direct", "--timeout", "3s"], at: origins.hosts[number]
            ).ending(within: 60)
            // Whoever is told the forged torrent gets all pieces but those beside the wrong state, and shows nothing.
            if pulled.status == 0 {
                #expect(FileManager.default.contentsEqual(atPath: out + "/app.bin", andPath: file))
            } else {
                #expect(!FileManager.default.fileExists(atPath: out + "/app.bin"), "\(pulled)")
            }
        }
    }

    @Test func `Origins with TLS and tokens pass pushes on, read through and make copies again`() async throws {
        let place = try TemporaryDirectory()
        let (certificate, key) = (place.path("certificate.pem"), place.path("key.pem"))
        let made = try await Program([
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
            "-subj", "/CN=registry", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", certificate,
        ]).ending()
        try #require(made.status == 0, "\(made)")
        let printed = try await Program([
            "openssl", "x509", "-in", certificate, "-noout", "-fingerprint", "-sha256",
        ]).ending()
        let pin = try #require(printed.output.split(separator: "=").last).trimmingCharacters(
            in: .whitespacesAndNewlines)
        let roles = ["pull", "push", "admin", "cluster"]
        let tokens = roles.map { #"{"name": "\#($0)", "role": "\#($0)", "secret": "secret-\#($0)"}"# }
        try place.write("tokens.json", #"{"tokens": [\#(tokens.joined(separator: ","))]}"#)
        chmod(place.path("tokens.json"), 0o600)
        for role in roles { try place.write("\(role).token", "secret-\(role)") }
        let parts = [
            "--tls-certificate", certificate, "--tls-key", key, "--tokens", place.path("tokens.json"), "--pin", pin,
            "--token-file", place.path("cluster.token"),
        ]
        let origins = try await TestOrigins(
            3, security: .init(parts: parts, clients: ["--pin", pin, "--token-file", place.path("push.token")]))
        let (size, seed) = (3 << 20, UInt64(75))
        let file = try SampleFiles.file(origins.work.path("from/app.bin"), size, seed: seed)
        let hex = OCIClient.hex(of: size, seed: seed)
        let pushed = try await push(origins, file, "team/app:1", to: 0)
        #expect(pushed.status == 0, "\(pushed)")
        try await wait(30, for: "three copies") { (0..<3).allSatisfy { origins.has(hex, $0) } }
        try await origins.kill(1)
        try FileManager.default.removeItem(atPath: origins.work.path("origin1"))
        try await origins.restart(1)
        // Read through, by whichever way, while the copy is being made.
        let out = origins.work.path("out")
        let pulled = try await origins.start(
            ["pull", "team/app:1", "-o", out, "--direct"], at: origins.hosts[1]
        ).ending(within: 120)
        #expect(pulled.status == 0, "\(pulled)")
        #expect(FileManager.default.contentsEqual(atPath: out + "/app.bin", andPath: file))
        try await wait(60, for: "the copy that was lost") { origins.has(hex, 1) }
        func status(_ token: String?, _ path: String) async throws -> String {
            var words = ["curl", "-s", "-k", "-m", "10", "-o", "/dev/null", "-w", "%{http_code}"]
            if let token { words += ["-H", "Authorization: Bearer secret-\(token)"] }
            return try await Program(words + ["https://\(origins.hosts[2])\(path)"]).ending().output
        }
        // What is between origins needs the role for that, and reading needs some token.
        #expect(try await status(nil, "/v1/internal/origin") == "401")
        for role in ["pull", "push", "admin"] {
            #expect(try await status(role, "/v1/internal/origin") == "403", "\(role)")
        }
        #expect(try await status("cluster", "/v1/internal/origin") == "200")
        #expect(try await status(nil, "/v1/cluster") == "401")
        #expect(try await status("pull", "/v1/cluster") == "200")
        #expect(try await status(nil, "/v2/team/app/blobs/sha256:\(hex)") == "401")
    }

    @Test func `Pushes of one file through all origins at once succeed, and of two digests under a tag one wins`()
        async throws
    {
        let origins = try await TestOrigins(3)
        let size = 2 << 20
        let file = try SampleFiles.file(origins.work.path("from/app.bin"), size, seed: 77)
        let hex = OCIClient.hex(of: size, seed: 77)
        let pushes = try (0..<12).map { number in
            try origins.start(["push", file, "team/app:\(number)"], at: origins.hosts[number % 3])
        }
        for push in pushes {
            let ending = try await push.ending(within: 120)
            #expect(ending.status == 0, "\(ending)")
        }
        try await wait(30, for: "three copies") { (0..<3).allSatisfy { origins.has(hex, $0) } }
        let files = try (0..<2).map {
            try SampleFiles.file(origins.work.path("two\($0)/one.bin"), 200_000, seed: 78 + UInt64($0))
        }
        let rivals = try (0..<8).map { number in
            try origins.start(["push", files[number % 2], "team/one:1.0"], at: origins.hosts[number % 3])
        }
        var statuses: [Set<Int32>] = [[], []]
        for (number, rival) in rivals.enumerated() {
            statuses[number % 2].insert(try await rival.ending(within: 120).status)
        }
        let winner = try #require(statuses.firstIndex(of: [0]), "\(statuses)")
        #expect(statuses[1 - winner] == [5], "\(statuses)")
        let out = origins.work.path("out")
        let pulled = try await origins.start(["pull", "team/one:1.0", "-o", out, "--direct"], at: origins.hosts[2])
            .ending(within: 120)
        #expect(pulled.status == 0, "\(pulled)")
        #expect(FileManager.default.contentsEqual(atPath: out + "/one.bin", andPath: files[winner]))
    }

    @Test func `Three origins together send agents few copies, and each its part`() async throws {
        let pulls = 8
        let network = try Network(hosts: 4 + pulls)
        for index in 0..<(4 + pulls) { try network.shape(index, mbit: 40) }
        let origins = try await TestOrigins(3, on: network)
        let size = 24 << 20
        let file = try SampleFiles.file(origins.work.path("from/app.bin"), size, seed: 76)
        let hex = OCIClient.hex(of: size, seed: 76)
        let pushed = try await origins.start(["push", file, "team/app:1"], at: origins.hosts[0]).ending(within: 120)
        #expect(pushed.status == 0, "\(pushed)")
        try await wait(60, for: "three copies") { (0..<3).allSatisfy { origins.has(hex, $0) } }
        let programs = try (0..<pulls).map { number in
            try origins.start(
                ["pull", "team/app:1", "-o", origins.work.path("out\(number)"), "--direct"], at: origins.index,
                on: network.hosts[4 + number])
        }
        for (number, program) in programs.enumerated() {
            let ending = try await program.ending(within: 120)
            #expect(ending.status == 0, "pull \(number): \(ending)")
            #expect(FileManager.default.contentsEqual(atPath: origins.work.path("out\(number)/app.bin"), andPath: file))
        }
        var copies: [Double] = []
        for number in 0..<3 {
            copies.append(try #require(try await origins.figure("swoop_origin_copies_sent", number)))
        }
        print("copies sent by each of three origins: \(copies)")
        #expect(copies.reduce(0, +) <= 2.2, "\(copies)")
        #expect(copies.allSatisfy { $0 > 0.1 }, "\(copies)")
    }
}
