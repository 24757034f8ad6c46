import Address
import JSON
import Settings
import Text

/// The settings of one back end. The module Backends opens it.
package struct BackEnd: Sendable, Equatable {
    package enum NamePath: String, Sendable, CaseIterable {
        case identity
        case shardedDockerBlob = "sharded_docker_blob"
        case dockerTag = "docker_tag"
    }

    package enum Kind: Sendable, Equatable {
        case directory(DirectoryPlace)
        case testfs(TestFSPlace)
        case s3(S3BackEnd)
        case http(WebPlace)
    }

    /// A regular expression that must match the whole NAME.
    package var namespace = ""
    package var kind: Kind?
    package var bandwidth = Bandwidth()
    package var mustReady = false

    static let table = SettingsTable<BackEnd>([
        .required(
            "namespace", .pattern, \.namespace, orElse: "each back end is for some names",
            "a regular expression: the NAMEs that it is for"),
        .required(
            "backend", SettingForm<Kind?>.backEnd, \.kind, orElse: "each has one of \(Self.kinds)",
            "one of \(Self.kinds)"),
        Setting(
            "bandwidth", .object(Bandwidth.table, from: Bandwidth()), \.bandwidth, .nothing, "limits of its data rates"),
        Setting(
            "must_ready", .yamlFlag, \.mustReady, .value("false"),
            "whether `/readyz` and `/readiness` are 503 while it does not answer"),
    ])

    static let kinds = "directory, testfs, s3 and http"
    static let refused = ["registry_blob", "registry_tag", "hdfs", "gcs", "sql", "shadow"]
}

extension SettingForm where Value == BackEnd.Kind? {
    fileprivate static var backEnd: SettingForm {
        SettingForm(noting: { node, notes throws(SettingsError) in
            guard let object = node.value.objectValue, let key = object.keys.first, object.keys.count == 1 else {
                throw node.wrong("it is one of \(BackEnd.kinds), with its keys")
            }
            let inner = node.member(key)
            switch key {
            case "directory":
                return try SettingForm<DirectoryPlace>.object(DirectoryPlace.table, from: DirectoryPlace())
                    .value(of: inner, &notes).map { BackEnd.Kind.directory($0) }
            case "testfs":
                return try SettingForm<TestFSPlace>.object(TestFSPlace.table, from: TestFSPlace())
                    .value(of: inner, &notes).map { BackEnd.Kind.testfs($0) }
            case "s3":
                return try SettingForm<S3BackEnd>.object(S3BackEnd.table, from: S3BackEnd())
                    .value(of: inner, &notes).map { BackEnd.Kind.s3($0) }
            case "http":
                return try SettingForm<WebPlace>.object(WebPlace.table, from: WebPlace())
                    .value(of: inner, &notes).map { BackEnd.Kind.http($0) }
            default:
                throw inner.wrong(
                    BackEnd.refused.contains(key)
                        ? "back ends of the kind '\(key)' are not offered: there are \(BackEnd.kinds)"
                        : "there is no back end of this kind: there are \(BackEnd.kinds)")
            }
        })
    }
}

package struct DirectoryPlace: Sendable, Equatable {
    package var path = ""
    package var namePath = BackEnd.NamePath.shardedDockerBlob

    static let table = SettingsTable<DirectoryPlace>([
        .required(
            "path", .path, \.path, orElse: "it is where the files are",
            "a directory of this host, or one that is mounted"),
        Setting(
            "name_path", .choice, \.namePath, .value("sharded_docker_blob"),
            "how files are called there: `identity`, `sharded_docker_blob`, `docker_tag`"),
    ])
}

package struct TestFSPlace: Sendable, Equatable {
    package var address = ListenAddress(host: "", port: 0)
    package var root = ""
    package var namePath = BackEnd.NamePath.identity

    static let table = SettingsTable<TestFSPlace>([
        .required("addr", .address, \.address, orElse: "it is where testfs listens", "address and port of a testfs"),
        Setting("root", .text, \.root, .nothing, "the directory in it"),
        Setting("name_path", .choice, \.namePath, .value("identity"), "as for `directory`"),
    ])
}

package struct S3BackEnd: Sendable, Equatable {
    package var username = ""
    package var region: String?
    package var bucket = ""
    package var endpoint: String?
    package var isPlain = false
    package var usesPathStyle: Bool?
    package var root = ""
    package var namePath = BackEnd.NamePath.shardedDockerBlob

    static let table = SettingsTable<S3BackEnd>([
        Setting(
            "username", .text, \.username, .nothing,
            "whose keys of `auth.s3` are taken; without it those of the environment"),
        Setting("region", .text, optional: \.region, .nothing, "the bucket's region"),
        .required("bucket", .text, \.bucket, orElse: "it is where the blobs are", "the bucket"),
        Setting(
            "endpoint", .text, optional: \.endpoint, .words("AWS's of the region"),
            "the store: a URL, or a host and port"),
        Setting(
            "disable_ssl", .yamlFlag, \.isPlain, .value("false"), "HTTP without TLS, where `endpoint` has no scheme"),
        Setting(
            "force_path_style", .yamlFlag, optional: \.usesPathStyle, .words("as the store needs it"),
            "the bucket in the path, not in the host's name"),
        Setting("root_directory", .text, \.root, .nothing, "the prefix of all keys"),
        Setting("name_path", .choice, \.namePath, .value("sharded_docker_blob"), "as for `directory`"),
        .ignored("upload_part_size"), .ignored("download_part_size"), .ignored("upload_concurrency"),
        .ignored("download_concurrency"), .ignored("list_max_keys"), .ignored("buffer_guard"),
    ])
}

package struct WebPlace: Sendable, Equatable {
    package var downloadURL = ""

    static let table = SettingsTable<WebPlace>([
        .required(
            "download_url", .text, \.downloadURL, orElse: "it is where files are read",
            "a URL with one `%s` for the name"),
        .ignored("upload_url"), .ignored("download_timeout"), .ignored("download_backoff"),
    ])
}

/// Limits of data rates, in bits a second.
package struct Bandwidth: Sendable, Equatable {
    package var isEnabled = false
    package var egress: Int64?
    package var ingress: Int64?

    static let table = SettingsTable<Bandwidth>([
        Setting("enable", .yamlFlag, \.isEnabled, .value("false"), "whether the two rates hold"),
        Setting("egress_bits_per_sec", .size(), optional: \.egress, .words("no limit"), "bits a second that are sent"),
        Setting(
            "ingress_bits_per_sec", .size(), optional: \.ingress, .words("no limit"), "bits a second that are received"),
        .ignored("token_size"),
    ])

    /// The limit for sending, in bytes a second; nil for no limit.
    package var bytesSent: Int64? { isEnabled ? egress.flatMap { $0 == 0 ? nil : max(1, $0 / 8) } : nil }
    package var bytesReceived: Int64? { isEnabled ? ingress.flatMap { $0 == 0 ? nil : max(1, $0 / 8) } : nil }
}

/// The keys of object stores, by the `username` of a back end.
package struct Credentials: Sendable, Equatable {
    package struct S3Keys: Sendable, Equatable {
        package var accessKey = ""
        package var secretKey: Secret?
        package var sessionToken: Secret?

        static let table = SettingsTable<S3Keys>([
            .required("aws_access_key_id", .text, \.accessKey, orElse: "the user has one", "access key"),
            Setting("aws_secret_access_key", .secret, optional: \.secretKey, .nothing, "secret key"),
            Setting("aws_session_token", .secret, optional: \.sessionToken, .nothing, "session token"),
        ])
    }

    package struct User: Sendable, Equatable {
        package var s3 = S3Keys()

        static let table = SettingsTable<User>([
            .required("s3", .object(S3Keys.table, from: S3Keys()), \.s3, orElse: "it has the user's keys", "the keys")
        ])
    }

    package var s3: [Keyed<User>] = []

    static let table = SettingsTable<Credentials>([
        Setting(
            "s3", .keyed(.object(User.table, from: User())), \.s3, .nothing,
            "for each `username` of a back end its `s3` keys"),
        .ignored("gcs"), .ignored("sql"), .ignored("hdfs"), .ignored("registry_blob"), .ignored("registry_tag"),
        .ignored("testfs"), .ignored("http"),
    ])
}
