import Address
import RegistrySettings
import Settings
import Testing
import Text

/// Files in memory.
func configuration(
    _ files: [String: String], at path: String = "/etc/role.yaml", secrets: String? = nil, open: Set<String> = []
) throws -> (configuration: RegistryConfiguration, notes: [String]) {
    let reader = ConfigurationFiles { path throws(ConfigurationFiles.Problem) in
        guard let text = files[path] else { throw ConfigurationFiles.Problem("\(path) is not there") }
        return ConfigurationFiles.File(bytes: Array(text.utf8), isPrivate: !open.contains(path))
    }
    let (configuration, notes) = try reader.configuration(path, secrets: secrets)
    return (configuration, notes.map(\.description))
}

func problem(_ text: String) -> String {
    do {
        _ = try configuration(["/etc/role.yaml": text])
        return ""
    } catch { return "\(error)" }
}

@Suite struct `The configuration of a role` {
    @Test func `has everything of an origin`() throws {
        let (found, notes) = try configuration([
            "/etc/role.yaml": """
            data: /srv/registry
            cluster: {static: [a:15002, 'b:15002']}
            hashring: {max_replica: 2}
            healthcheck: {fails: 5, timeout: 500ms}
            backends:
              - namespace: library/.*
                backend:
                  s3: {username: kraken, region: eu, bucket: b, endpoint: 'http://s:8333', root_directory: /x, name_path: identity}
                bandwidth: {enable: true, egress_bits_per_sec: 8388608, ingress_bits_per_sec: 16MB}
              - namespace: .*
                backend: {testfs: {addr: 'localhost:14000', root: blobs, name_path: identity}}
            auth: {s3: {kraken: {s3: {aws_access_key_id: k, aws_secret_access_key: s}}}}
            castore:
              cache_dir: /c/cache/
              upload_dir: /c/upload/
              cache_cleanup: {tti: 24h, aggressive_threshold: 80}
            metainfogen: {piece_lengths: {0: 1MB, 2GB: 8MB}}
            writeback: {retry_interval: 100ms, poll_retries_interval: 250ms}
            localdb: {source: /c/origin.db}
            blobrefresh: {size_limit: 100GB}
            scheduler: {conn: {bandwidth: {enable: true, egress_bits_per_sec: 800}}}
            budget: 1.5
            repair_after: 1m30s
            """
        ])
        #expect(notes == [])
        #expect(found.data == "/srv/registry")
        #expect(found.cluster.fixed.map(\.description) == ["a:15002", "b:15002"])
        #expect(found.hashRing.maxReplica == 2)
        #expect(
            found.healthCheck
                == {
                    var check = HealthCheck()
                    (check.fails, check.timeout) = (5, 0.5)
                    return check
                }())
        #expect(found.backEnds.map(\.namespace) == ["library/.*", ".*"])
        guard case .s3(let place) = found.backEnds[0].kind, case .testfs(let files) = found.backEnds[1].kind else {
            Issue.record("other back ends")
            return
        }
        #expect((place.bucket, place.root, place.namePath) == ("b", "/x", .identity))
        #expect(
            found.backEnds[0].bandwidth.bytesSent == 1 << 20 && found.backEnds[0].bandwidth.bytesReceived == 2 << 20)
        #expect((files.address.description, files.root, files.namePath) == ("localhost:14000", "blobs", .identity))
        #expect(found.auth.s3.map(\.key) == ["kraken"] && found.auth.s3[0].value.s3.secretKey?.value == "s")
        #expect(found.caStore.cacheDirectory == "/c/cache" && found.caStore.uploadDirectory == "/c/upload")
        #expect(found.caStore.cleanup.tti == 86_400 && found.caStore.cleanup.aggressiveThreshold == 80)
        #expect(found.metainfo.pieceLength(of: 5) == 1 << 20 && found.metainfo.pieceLength(of: 2 << 30) == 8 << 20)
        #expect(found.writeBack.interval == 0.1)
        #expect(found.localDatabase.source == "/c/origin.db")
        #expect(found.blobRefresh.sizeLimit == 100 << 30)
        #expect(found.scheduler.connections.bandwidth.bytesSent == 100)
        #expect(found.budget == 1.5 && found.repairAfter == 90)
    }

    @Test func `has everything of an index, a tracker and an agent`() throws {
        let (found, notes) = try configuration([
            "/etc/role.yaml": """
            cluster: {hosts: {static: [i:15004]}}
            origin: {hosts: {dns: 'origins.example:15002', ttl: 10s}}
            tracker: {hosts: {static: [t:15003]}}
            build_index: {hosts: {static: [i:15004]}, healthcheck: {fails: 3}}
            database: 'postgresql://u:p@db/swoop'
            mutable: ['dev/.*']
            remotes: {'far:15004': ['team/.*:.*']}
            tag_replication: {retry_interval: 5s}
            peerstore: {redis: {addr: '127.0.0.1:6379'}}
            trackerserver: {announce_interval: 3s, announce_limit: 20}
            cache: {max: 50%, keep_free: 20GB, tti: 7d}
            store: {cache_dir: /a, download_dir: /b, download_cleanup: {ttl: 24h}}
            allowed_cidrs: [127.0.0.1, 172.16.0.0/12, 'fd00::/8']
            tls:
              name: kraken
              cas: [{path: /ca.crt}]
              server: {cert: {path: /s.crt}, key: {path: /s.key}, passphrase: {path: /s.pass}}
              client: {disabled: true, cert: {path: /c.crt}}
            follow: ['team/.*:stable']
            local: token
            registry: http://r:15000
            insecure: yes
            swarm_secret: abc
            tokens: [{name: ci, role: push, secret: x}]
            zap: {level: info, outputPaths: [stdout, /var/log/x.log]}
            """
        ])
        #expect(notes == [])
        #expect(found.cluster.fixed.count == 1 && found.origin.dns?.host == "origins.example" && found.origin.ttl == 10)
        #expect(found.remotes == [Keyed(key: "far:15004", value: ["team/.*:.*"])])
        #expect(found.peerStore.redisAddress?.port == 6379)
        #expect(found.trackerServer.announceInterval == 3 && found.trackerServer.announceLimit == 20)
        #expect(
            found.cache.max == .share(0.5) && found.cache.keepFree == .bytes(20 << 30) && found.cache.tti == 604_800)
        #expect(found.store.uploadDirectory == "/b")
        #expect(
            found.allowed.contains {
                $0.contains(PeerAddress(host: "172.17.3.4", port: 9) ?? .init(ipv6High: 0, low: 0, port: 0))
            })
        #expect(found.tls.server.files?.passphrase == "/s.pass" && found.tls.client.files == nil)
        #expect(found.tls.authorities.map(\.path) == ["/ca.crt"])
        #expect(found.local == .token && found.insecure && found.swarmSecret?.value == "abc" && found.tokens.count == 1)
        #expect(found.logging.level == .info && found.logging.paths == ["stdout", "/var/log/x.log"])
    }

    @Test(arguments: [
        (
            "hashring: {max_replica: 0}\n",
            "/etc/role.yaml, line 1, column 12: the key 'hashring.max_replica' is wrong: it is a number from 1 to 16"
        ),
        (
            "\ncluster:\n  static: [nowhere]\n",
            "/etc/role.yaml, line 3, column 12: the key 'cluster.static[0]' is wrong: it is an address and port such as 127.0.0.1:8191"
        ),
        (
            "cluster: {static: [a:1], dns: 'b:1'}\n",
            "/etc/role.yaml, line 1, column 1: the key 'cluster' is wrong: it has both 'static' and 'dns'"
        ),
        (
            "writeback: {retry_interval: 5}\n",
            "/etc/role.yaml, line 1, column 13: the key 'writeback.retry_interval' is wrong: it is a duration such as 30s, 5m, 24h or 7d"
        ),
        (
            "metainfogen: {piece_lengths: {0: 3MB}}\n",
            "/etc/role.yaml, line 1, column 15: the key 'metainfogen.piece_lengths' is wrong: the length of a piece is a power of two from 16KB to 64MB"
        ),
        (
            "backends: [{namespace: '(', backend: {http: {download_url: x}}}]\n",
            "/etc/role.yaml, line 1, column 13: the key 'backends[0].namespace' is wrong: it is no regular expression"
        ),
        (
            "backends:\n- namespace: .*\n  backend:\n    hdfs: {namenodes: [a]}\n",
            "/etc/role.yaml, line 4, column 5: the key 'backends[0].backend.hdfs' is wrong: back ends of the kind 'hdfs' are not offered: there are directory, testfs, s3 and http"
        ),
        (
            "tls: {server: {cert: {path: /x}}}\n",
            "/etc/role.yaml, line 1, column 7: the key 'tls.server' is wrong: 'cert' and 'key' go together"
        ),
        (
            "allowed_cidrs: [10.0.0.0/33]\n",
            "/etc/role.yaml, line 1, column 17: the key 'allowed_cidrs[0]' is wrong: it is an address or a range of them, such as 127.0.0.1 or 10.0.0.0/8"
        ),
        ("a: [", "/etc/role.yaml, line 2, column 1: while parsing a flow node: did not find expected node content"),
    ])
    func `is refused with file, line and reason`(text: String, expected: String) { #expect(problem(text) == expected) }

    @Test func `notes unknown keys with file and line, and takes Kraken's others without a word`() throws {
        let (_, notes) = try configuration([
            "/etc/role.yaml": "nginx: {name: x}\nmetrics: {m3: {service: y}}\nhashring:\n  max_replicas: 3\nnope: 1\n"
        ])
        #expect(
            notes == [
                "/etc/role.yaml, line 4, column 3: the key 'hashring.max_replicas' is not known and is ignored",
                "/etc/role.yaml, line 5, column 1: the key 'nope' is not known and is ignored",
            ])
    }

    @Test func `extends other files, key by key, and lists as wholes`() throws {
        let files = [
            "/etc/role.yaml": "extends: base.yaml\ncluster: {static: [b:1]}\nhashring: {max_replica: 2}\nbackends:\n",
            "/etc/base.yaml": "extends: /usr/common.yaml\ncluster: {static: [a:1, c:1]}\nhealthcheck: {fails: 7}\n",
            "/usr/common.yaml":
                "hashring: {refresh_interval: 9s}\nbackends: [{namespace: .*, backend: {directory: {path: /b}}}]\n",
        ]
        let (found, notes) = try configuration(files)
        #expect(notes == [])
        #expect(found.cluster.fixed.map(\.description) == ["b:1"])
        #expect(found.hashRing.maxReplica == 2 && found.hashRing.refreshInterval == 9)
        #expect(found.healthCheck.fails == 7)
        #expect(found.backEnds.isEmpty)
    }

    @Test func `names the file that a mistake is in`() {
        #expect {
            try configuration([
                "/etc/role.yaml": "extends: base.yaml\n", "/etc/base.yaml": "\n\nbudget: lots\n",
            ])
        } throws: {
            "\($0)" == "/etc/base.yaml, line 3, column 1: the key 'budget' is wrong: it is a number from 0 to 1000"
        }
    }

    @Test func `does not extend itself for ever`() {
        #expect(throws: ConfigurationFiles.Problem.self) {
            try configuration(["/etc/role.yaml": "extends: b\n", "/etc/b": "extends: role.yaml\n"])
        }
        #expect(throws: ConfigurationFiles.Problem.self) {
            try configuration(["/etc/role.yaml": "extends: role.yaml\n"])
        }
    }

    @Test func `takes secrets from a file of their own, which is private`() throws {
        let files = ["/etc/role.yaml": "budget: 3\n", "/etc/s.yaml": "swarm_secret: abc\n"]
        #expect(try configuration(files, secrets: "/etc/s.yaml").configuration.swarmSecret?.value == "abc")
        #expect {
            try configuration(files, secrets: "/etc/s.yaml", open: ["/etc/s.yaml"])
        } throws: {
            "\($0)" == "others can read or change /etc/s.yaml, which holds secrets: it needs mode 600"
        }
        #expect {
            try configuration(["/etc/role.yaml": "tokens: []\n"], open: ["/etc/role.yaml"])
        } throws: { "\($0)".contains("which has 'tokens' in it: it needs mode 600") }
    }
}

@Suite struct `Kraken's own files` {
    /// The shape of its `config/*/base.yaml`.
    private static let shared = """
        zap:
          level: info
          development: false
          encoding: console
          encoderConfig: {messageKey: message, levelEncoder: capital}
          disableStacktrace: true
          outputPaths: [stdout, /var/log/kraken/kraken-x/stdout.log]
          errorOutputPaths: [stdout]
        metrics: {m3: {service: kraken-x}}
        peer_id_factory: addr_hash
        nginx: {name: kraken-x, cache_dir: /var/cache/kraken/kraken-x/nginx/, log_dir: /var/log/kraken/kraken-x/}

        """

    @Test(arguments: [
        """
        metainfogen:
          piece_lengths:
            0: 4MB # all
        scheduler: {log: {timeEncoder: iso8601}, torrentlog: {disable: true}}
        localdb: {source: /var/cache/kraken/kraken-origin/origin.db}
        castore:
          upload_dir: /var/cache/kraken/kraken-origin/upload/
          cache_dir:  /var/cache/kraken/kraken-origin/cache/
          memory_cache: {enabled: true, max_size: 1048576, ttl: 2s}
        blobserver: {listener: {net: unix, addr: /tmp/kraken-origin.sock}}
        """,
        """
        scheduler:
          torrentlog: {service_name: kraken-agent, path: /var/log/torrent.log}
          dispatch: {piece_request_policy: rarest_first}
          conn: {bandwidth: {enable: true}}
        store:
          download_dir: /var/cache/kraken/kraken-agent/download/
          cache_dir:  /var/cache/kraken/kraken-agent/cache/
          download_cleanup: {ttl: 24h}
          cache_cleanup: {ttl: 24h}
        registry: {docker: {version: 0.1, http: {net: unix, addr: /tmp/kraken-agent-registry.sock}}}
        allowed_cidrs:
          - 127.0.0.1
          - 172.17.0.1
        """,
        """
        localdb: {source: /var/cache/kraken/kraken-build-index/index.db}
        store: {upload_dir: /var/upload/, cache_dir: /var/cache/}
        tag_store: {write_through: true}
        tagserver: {listener: {net: unix, addr: /tmp/x.sock}}
        tag_types: [{namespace: .*, type: docker, root: tags}]
        remotes: {}
        """,
        """
        logging: {level: info, stdout: true}
        peerhandoutpolicy: {priority: completeness}
        trackerserver: {listener: {net: unix, addr: /tmp/kraken-tracker.sock}}
        """,
        """
        castore: {upload_dir: /u/, cache_dir: /c/, capacity: 1024}
        server: {listener: {net: unix}, prefetch_max_blob_size: "50G"}
        registryoverride: {listener: {net: unix}}
        """,
    ])
    func `are taken without a warning`(text: String) throws {
        #expect(try configuration(["/etc/role.yaml": Self.shared + text]).notes == [])
    }
}
