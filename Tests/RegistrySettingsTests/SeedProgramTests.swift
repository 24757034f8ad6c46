import RegistrySettings
import Testing

@Suite struct `The seed's programs` {
    @Test(arguments: [
        ("./origin", SeedProgram.origin), ("/usr/lib/swoop/nova/kraken-build-index", .buildIndex),
        ("push-cli", .pushCLI),
        ("kraken-testfs", .testfs), ("agent", .agent),
    ])
    func `are known by their names`(text: String, program: SeedProgram) {
        #expect(SeedProgram(invokedAs: text) == program)
    }

    @Test(arguments: ["swoop", "/usr/bin/swoop", "", "kraken-", "origin2", "kraken-kraken-origin", "origin/x"])
    func `are not other names`(text: String) { #expect(SeedProgram(invokedAs: text) == nil) }

    @Test(
        arguments: [
            (SeedProgram.testfs, ["--port=14000"], ["testfs", "--port=14000"]),
            (.testfs, ["-port", "14000"], ["testfs", "--port=14000"]),
            (
                .origin,
                [
                    "--config=/e/base.yaml", "--blobserver-hostname=localhost", "--blobserver-port=15002",
                    "--peer-ip=localhost", "--peer-port=15001",
                ],
                [
                    "origin", "--config=/e/base.yaml", "--name=localhost:15002", "--port=15002", "--peers-port=15001",
                ]
            ),
            (
                .tracker, ["-config", "c", "--cluster=x", "--mutex-profile-fraction=1", "--port", "1"],
                ["tracker", "--config=c", "--port=1"]
            ),
            (.buildIndex, ["--config=c", "-port=2", "-zone=z"], ["index", "--config=c", "--zone=z", "--port=2"]),
            (
                .agent, ["--config=c", "--peer-ip=localhost", "--peer-port=16001", "--agent-server-port=16002"],
                ["agent", "--config=c", "--peer-ip=localhost", "--peer-port=16001", "--agent-server-port=16002"]
            ),
            (
                .pullCLI, ["--agent-server-port=16002", "--tag=sse1.zip:latest", "--download-dir=/mnt/e/sse/"],
                [
                    "pull", "--overwrite", "--registry=http://127.0.0.1:16002", "--output=/mnt/e/sse/", "--",
                    "sse1.zip:latest",
                ]
            ),
            (
                .pullCLI, ["--tag=a:1", "--download-dir=d", "--secrets=s.yaml"],
                [
                    "pull", "--overwrite", "--registry=http://127.0.0.1:16002", "--output=d",
                    "--registry-secrets=s.yaml", "--", "a:1",
                ]
            ),
            (.tracker, ["--port=1", "--port=2", "--"], ["tracker", "--port=2"]),
            (.tracker, ["--json", "--port=1"], ["tracker", "--port=1", "--json"]),
        ] as [(SeedProgram, [String], [String])])
    func `take their flags as Go reads them`(program: SeedProgram, given: [String], expected: [String]) throws {
        #expect(try program.call(given) == .arguments(expected))
    }

    @Test(
        arguments: [
            (
                ["--file=/mnt/e/sse/sources4", "--tag=latest"],
                ["push", "--registry-config=/c.yaml", "--", "/mnt/e/sse/sources4", "sources4:latest"]
            ),
            (["--file", "/a/b/", "--tag", "v1"], ["push", "--registry-config=/c.yaml", "--", "/a/b/", "b:v1"]),
            (["-file=x"], ["push", "--registry-config=/c.yaml", "--", "x", "x:latest"]),
            (
                ["-file=x", "-tag=team/app:1.0"],
                ["push", "--registry-config=/c.yaml", "--", "x", "team/app:1.0"]
            ),
        ] as [([String], [String])])
    func `push a tag of the file's own name, or of the one that is given`(given: [String], expected: [String]) throws {
        #expect(
            try SeedProgram.pushCLI.call(["--config=/c.yaml"] + given)
                == .withOrigin(expected, config: "/c.yaml", secrets: nil))
    }

    @Test func `have a door for container programs, which is an origin that keeps nothing`() throws {
        #expect(
            try SeedProgram.proxy.call(["-config=c", "--port=15000", "--server-port=15005"])
                == .withOrigins(["origin", "--port=15000", "--peers-port=0", "--config=c"], config: "c", secrets: nil))
        #expect(
            try SeedProgram.proxy.call([])
                == .withOrigins(["origin", "--port=15000", "--peers-port=0"], config: nil, secrets: nil))
    }

    @Test(
        arguments: [
            (SeedProgram.testfs, ["--ports=1"], "flag provided but not defined: -ports"),
            (.testfs, ["--port"], "flag needs an argument: -port"),
            (.testfs, ["--port=x"], "invalid value \"x\" for flag -port"),
            (.testfs, ["--port=65536"], "invalid value \"65536\" for flag -port"),
            (.testfs, ["--port=-1"], "invalid value \"-1\" for flag -port"),
            (.testfs, ["---port=1"], "bad flag syntax: ---port=1"),
            (.testfs, ["-=1"], "bad flag syntax: -=1"),
            (.testfs, ["14000"], "unexpected argument: 14000"),
            (.testfs, ["--", "x"], "unexpected argument: x"),
            (.pushCLI, ["--tag=x"], "-file is needed"),
            (.pushCLI, ["--file=.."], "invalid value \"latest\" for flag -tag"),
            (.pullCLI, ["--tag=x"], "-download-dir is needed"),
            (.pullCLI, ["--download-dir=/x"], "-tag is needed"),
        ] as [(SeedProgram, [String], String)])
    func `say what is wrong with a flag`(program: SeedProgram, given: [String], expected: String) {
        #expect { _ = try program.call(given) } throws: { "\($0)" == expected }
    }

    @Test(arguments: SeedProgram.allCases) func `have help`(program: SeedProgram) throws {
        guard case .help(let text) = try program.call(["-help"]) else {
            Issue.record("no help")
            return
        }
        #expect(text.contains("\(program.rawValue)"))
    }
}
