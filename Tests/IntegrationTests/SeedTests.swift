import Foundation
import TestSupport
import Testing

/// The seed's programs by their names, with the commands of its chapter 3 as they are written there.
@Suite(.serialized) struct SeedTests {
    private static let push = """
        ./push-cli \\
        --config=/etc/kraken/config/push-cli/base.yaml \\
        --file=/mnt/e/sse/sources4 \\
        --tag=latest
        """
    private static let agent = """
        ./agent --config=/etc/kraken/config/agent/base.yaml \\
        --peer-ip=localhost \\
        --peer-port=16001 \\
        --agent-server-port=16002
        """
    private static func pull(_ tag: String) -> String {
        """
        ./pull-cli \\
        --agent-server-port=16002 \\
        --tag=\(tag) \\
        --download-dir=/mnt/e/sse/
        """
    }

    /// Pushes a file and a tree, pulls them through an agent, and sees what arrived.
    private func chapter3(on host: SeedHost) async throws {
        _ = try await host.run(
            "bash -c 'head -c 5000000 /dev/urandom > /mnt/e/sse/sources4; echo zip > /mnt/e/sse1.zip'")
        let pushed = try await host.run(Self.push)
        #expect(pushed.status == 0, "\(pushed)")
        let zip = try await host.run("./kraken-push-cli -file /mnt/e/sse1.zip")
        #expect(zip.status == 0, "\(zip)")
        let agent = try host.start(Self.agent)
        #expect(try await host.soon("curl -sf -o /dev/null http://127.0.0.1:16002/readyz"), "\(agent.errors)")
        _ = try await host.run("mv /mnt/e/sse/sources4 /mnt/e/kept")
        for tag in ["sources4:latest", "sse1.zip:latest"] {
            let pulled = try await host.run(Self.pull(tag))
            #expect(pulled.status == 0, "\(pulled)")
        }
        #expect(try await host.run("cmp /mnt/e/kept /mnt/e/sse/sources4").status == 0)
        #expect(try await host.run("cmp /mnt/e/sse1.zip /mnt/e/sse/sse1.zip").status == 0)
        let digest = try await host.run("curl -sf http://127.0.0.1:16002/tags/sources4:latest")
        #expect(digest.output.hasPrefix("sha256:"), "\(digest)")
        #expect(try await host.run(Self.pull("nothing:latest")).status == 4)
        _ = try await host.run("pkill -TERM -f agent-server-port=16002")
        #expect(try await agent.ending().status == 0)
        #expect(try await host.run("test -s /var/log/kraken/kraken-agent/stdout.log").status == 0)
    }

    @Test func `push and pull through an agent at a registry of one process`() async throws {
        let host = try await SeedHost()
        let up = try host.start("\(Swoop.fullPath) up --data /var/lib/registry")
        #expect(try await host.soon("curl -sf -o /dev/null http://127.0.0.1:15002/v2/"), "\(up.errors)")
        try await chapter3(on: host)
        _ = try await host.run("pkill -TERM -f /var/lib/registry")
        #expect(try await up.ending().status == 0)
    }

    @Test func `start with start.sh, which ends when one of them does`() async throws {
        let host = try await SeedHost()
        // Its daemons outlive it and keep what it inherited, so that its end is told by a file.
        let script = try host.start("bash -c './start.sh > /var/log/start.out 2>&1; echo $? > /var/log/start.status'")
        for port in [15_002, 15_004] {
            #expect(try await host.soon("curl -sf -o /dev/null http://127.0.0.1:\(port)/health"), "\(script.errors)")
        }
        #expect(try await host.soon("curl -sf -o /dev/null http://127.0.0.1:15003/healthz"))
        #expect(try await host.soon("curl -sf -o /dev/null http://127.0.0.1:14000/health"))
        try await chapter3(on: host)
        #expect(try await host.run("test -e /var/log/start.status").status == 1)
        _ = try await host.run("pkill -KILL -f kraken-tracker")
        #expect(try await host.soon("test -s /var/log/start.status"))
        let said = try await host.run("cat /var/log/start.status /var/log/start.out").output
        #expect(said.hasPrefix("1\n") && said.contains("kraken-tracker exited unexpectedly"), "\(said)")
    }

    @Test func `proxy is a door for container programs, which passes on to the origins`() async throws {
        let host = try await SeedHost()
        let script = try host.start("bash -c './start.sh > /var/log/start.out 2>&1'")
        #expect(try await host.soon("curl -sf -o /dev/null http://127.0.0.1:15002/health"), "\(script.errors)")
        #expect(try await host.soon("curl -sf -o /dev/null http://127.0.0.1:15004/health"), "\(script.errors)")
        let proxy = try host.start("./kraken-proxy --port=15000 --server-port=15005")
        #expect(try await host.soon("curl -sf -o /dev/null http://127.0.0.1:15000/v2/"), "\(proxy.errors)")
        let pushed = try await host.run(
            "bash -c 'head -c 3000000 /dev/urandom > /mnt/e/app; \(Swoop.fullPath) push /mnt/e/app team/app:1 --registry http://127.0.0.1:15000'"
        )
        #expect(pushed.status == 0, "\(pushed)")
        let missing = try await host.run(
            "curl -s -o /dev/null -w %{http_code} http://127.0.0.1:15000/v2/team/app/manifests/2")
        #expect(missing.output == "404", "\(missing)")
        let read = try await host.run(
            "bash -c '\(Swoop.fullPath) pull team/app:1 -o /mnt/e/by-proxy --direct --registry http://127.0.0.1:15000 && cmp /mnt/e/app /mnt/e/by-proxy/app'"
        )
        #expect(read.status == 0, "\(read)")
        // The content is at the origin, which has it without that door.
        _ = try await host.run("pkill -KILL -f kraken-proxy")
        _ = try await proxy.ending()
        let pulled = try await host.run(
            "bash -c '\(Swoop.fullPath) pull team/app:1 -o /mnt/e/out --direct --registry http://127.0.0.1:15002 && cmp /mnt/e/app /mnt/e/out/app'"
        )
        #expect(pulled.status == 0, "\(pulled)")
        _ = try await host.run("pkill -KILL -f kraken-tracker")
    }

    @Test func `push-cli and pull-cli show the token of their files, and a registry takes its rules from one`()
        async throws
    {
        let host = try await SeedHost()
        let files = """
            umask 077; cd /etc/kraken; head -c 100000 /dev/urandom > /mnt/e/one; head -c 90000 /dev/urandom > /mnt/e/two
            cp /mnt/e/one /mnt/e/app
            printf '%s\n' 'host: 127.0.0.1' 'mutable: [".*:latest", "app:dev.*"]' > up.yaml
            printf '%s\n' 'tokens:' '- {name: ci, role: push, secret: push-it}' '- {name: host, role: pull, secret: pull-it}' > secrets.yaml
            printf '%s\n' 'token: push-it' > push.yaml
            printf '%s\n' 'token: pull-it' > pull.yaml
            """
        try host.work.write("files.sh", files)
        #expect(try await host.run("bash \(host.work.path("files.sh"))").status == 0)
        let up = try host.start(
            "\(Swoop.fullPath) up --data /var/lib/registry --config /etc/kraken/up.yaml --secrets /etc/kraken/secrets.yaml"
        )
        #expect(try await host.soon("curl -sf -o /dev/null http://127.0.0.1:15002/healthz"), "\(up.errors)")
        let push = "./push-cli --config=/etc/kraken/config/push-cli/base.yaml --file=/mnt/e/app"
        #expect(try await host.run(push + " --tag=dev1").status == 5)
        for (content, tag, status) in [
            ("one", "dev1", 0), ("two", "dev1", 0), ("one", "v1", 0), ("two", "v1", 5), ("one", "latest", 0),
        ] as [(String, String, Int32)] {
            _ = try await host.run("cp /mnt/e/\(content) /mnt/e/app")
            let pushed = try await host.run(push + " --secrets=/etc/kraken/push.yaml --tag=\(tag)")
            #expect(pushed.status == status, "\(tag): \(pushed)")
        }
        let agent = try host.start(
            "./agent --secrets=/etc/kraken/pull.yaml --peer-ip=localhost --peer-port=16001 --agent-server-port=16002")
        #expect(try await host.soon("curl -sf -o /dev/null http://127.0.0.1:16002/readyz"), "\(agent.errors)")
        let pulled = try await host.run(
            "./pull-cli --secrets=/etc/kraken/pull.yaml --agent-server-port=16002 --tag=app:dev1 --download-dir=/mnt/e/sse"
        )
        #expect(pulled.status == 0, "\(pulled)")
        #expect(try await host.run("cmp /mnt/e/two /mnt/e/sse/app").status == 0)
        _ = try await host.run("pkill -TERM -f agent-server-port=16002")
        _ = try await host.run("pkill -TERM -f /var/lib/registry")
        #expect(try await up.ending().status == 0)
    }

    @Test func `a registry of one process takes remotes, back ends and their pauses from its file`() async throws {
        let place = try TemporaryDirectory()
        let port = try FreePort.find()
        try place.write(
            "testfs.yaml", "data: \(place.path)/store\nzap: {level: info, outputPaths: [\(place.path)/testfs.log]}\n")
        let store = try Swoop.start(
            "testfs", "--config", place.path("testfs.yaml"), "--port", "\(port)", "--json")
        _ = try await store.waitForEvent("listening")
        let remote = try FreePort.find()
        try place.write(
            "up.yaml",
            """
            data: \(place.path)/data
            remotes: {'127.0.0.1:\(remote)': ['team/.*']}
            tag_replication: {retry_interval: 20ms}
            backends:
              - namespace: team/.*
                backend: {testfs: {addr: '127.0.0.1:\(port)', root: blobs, name_path: identity}}
            """)
        let up = try Swoop.start(
            "up", "--config", place.path("up.yaml"), "--any-port", "--json", environment: ["INVOCATION_ID": "test"])
        let url = try #require(try await up.waitForEvent("listening")["registry"] as? String)
        let client = OCIClient(authority: String(url.dropFirst("http://".count)))
        #expect(try await client.put(["content"], as: "team/app", "1").status == 201)
        #expect(try await client.put(["else"], as: "other/app", "1").status == 201)
        try await wait(30, for: "what is stored, and tries") {
            let list = try await client.call("GET", "/v1/names/team/app/tags/1/replications")
            let failures = (list.json["replications"] as? [[String: Any]])?.first?["failures"] as? Int ?? 0
            let digest = OCIClient.digest("content").dropFirst("sha256:".count)
            let stored = FileManager.default.enumerator(atPath: place.path("store"))?.contains {
                ($0 as? String)?.hasSuffix(digest) == true
            }
            // With pauses of a second and more that would take half a minute.
            return failures > 4 && stored == true
        }
        let other = OCIClient.digest("else").dropFirst("sha256:".count)
        #expect(
            FileManager.default.enumerator(atPath: place.path("store"))?.contains {
                ($0 as? String)?.hasSuffix(other) == true
            } == false)
        try await up.stop()
        try await store.stop()
        #expect(try String(contentsOfFile: place.path("testfs.log"), encoding: .utf8).contains("info swoop:"))
    }

    @Test func `are refused with status 2 for a wrong flag or file, and say where the mistake is`() async throws {
        let place = try TemporaryDirectory()
        let link = try place.file("tracker")
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: Swoop.fullPath)
        let flag = try await Program([link, "--ports=1"]).ending()
        #expect(flag.status == 2 && flag.errors.contains("flag provided but not defined: -ports"), "\(flag)")
        try place.write("base.yaml", "trackerserver:\n  announce_interval: 3\nnope: 1\n")
        let value = try await Program([link, "-config", place.path("base.yaml"), "-port=0"]).ending()
        #expect(
            value.status == 2
                && value.errors.contains(
                    "\(place.path)/base.yaml, line 2, column 3: the key 'trackerserver.announce_interval' is wrong"),
            "\(value)")
        try place.write("secrets.yaml", "swarm_secret: x\n", mode: 0o644)
        let open = try await Program([link, "--secrets", place.path("secrets.yaml"), "-port=0"]).ending()
        #expect(open.status == 2 && open.errors.contains("it needs mode 600"), "\(open)")
        let help = try await Program([link, "-help"]).ending()
        #expect(help.status == 0 && help.output.contains("-mutex-profile-fraction"), "\(help)")
    }

    @Test func `an agent answers the addresses alone that its file allows`() async throws {
        let place = try TemporaryDirectory()
        for (range, status) in [("127.0.0.0/8", "200"), ("10.0.0.0/8", "403")] {
            try place.write("agent.yaml", "allowed_cidrs: [\(range)]\nregistry: http://127.0.0.1:1\n")
            let agent = try Swoop.start(
                "agent", "--config", place.path("agent.yaml"), "--any-port", "--cache", place.path("cache"), "--socket",
                place.path("socket"), "--json")
            let api = try #require(try await agent.waitForEvent("listening")["api"] as? String)
            let answer = try await Command.ending([
                "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "http://\(api)/healthz",
            ])
            #expect(answer.output == status)
            try await agent.stop()
        }
    }

    @Test func `a tracker takes its file, and warns of keys that nobody knows`() async throws {
        let place = try TemporaryDirectory()
        try place.write("tracker.yaml", "extends: base.yaml\nnope: 1\n")
        try place.write(
            "base.yaml",
            "trackerserver: {announce_interval: 7s}\nzap: {level: info, outputPaths: [\(place.path)/log/t]}\n")
        let tracker = try Swoop.start("tracker", "--config", place.path("tracker.yaml"), "--port", "0", "--json")
        let http = try #require(try await tracker.waitForEvent("listening")["http"] as? String)
        #expect(http.hasPrefix("127.0.0.1:"))
        #expect(tracker.errors.contains("tracker.yaml, line 2, column 1: the key 'nope' is not known and is ignored"))
        let answer = try await Command.ending([
            "curl", "-s",
            "http://\(http)/announce?info_hash=aaaaaaaaaaaaaaaaaaaa&peer_id=bbbbbbbbbbbbbbbbbbbb&port=9&left=0&uploaded=0&downloaded=0",
        ]).output
        #expect(["6", "7", "8"].contains { answer.contains("8:intervali\($0)e") }, "\(answer)")
        try await tracker.stop()
        #expect(try String(contentsOfFile: place.path("log/t"), encoding: .utf8).contains("info swoop:"))
    }
}
