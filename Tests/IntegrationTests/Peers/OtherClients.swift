import Foundation
import TestSupport

/// Transmission's daemon, in the foreground.
enum Transmission {
    static func peer(
        _ torrent: String, save: String, address: String, port: Int, on host: NetworkNamespace?,
        work: TemporaryDirectory
    ) throws -> Program {
        let home = try work.directory("transmission-\(port)")
        _ = try work.directory("transmission-\(port)/torrents")
        try FileManager.default.copyItem(atPath: torrent, toPath: home + "/torrents/t.torrent")
        let settings: [String: Any] = [
            "bind-address-ipv4": address, "bind-address-ipv6": "::1", "peer-port": port,
            "port-forwarding-enabled": false,
            "download-dir": save, "rpc-enabled": false, "dht-enabled": false, "lpd-enabled": false,
            "utp-enabled": false,
            "encryption": 0, "preallocation": 0, "ratio-limit-enabled": false, "rename-partial-files": false,
        ]
        try JSONSerialization.data(withJSONObject: settings).write(to: URL(fileURLWithPath: home + "/settings.json"))
        return try Program(["transmission-daemon", "-f", "-g", home], on: host)
    }
}

/// aria2.
enum Aria2 {
    static func peer(_ torrent: String, save: String, address: String, port: Int, on host: NetworkNamespace?) throws
        -> Program
    {
        try Program(
            [
                "aria2c", "--no-conf", "--file-allocation=none", "--dir=\(save)", "--interface=\(address)",
                "--listen-port=\(port)", "--enable-dht=false", "--bt-enable-lpd=false", "--seed-ratio=0.0",
                "--check-integrity=true", "--bt-tracker-interval=2", torrent,
            ], on: host)
    }
}

/// opentracker, which Debian builds to want a list of the info hashes it may serve.
enum OpenTracker {
    static func start(
        _ infoHashes: [String], address: String, port: Int, on host: NetworkNamespace?, work: TemporaryDirectory
    ) throws -> Program {
        let directory = try work.directory("opentracker")
        try infoHashes.map { $0 + "\n" }.joined().write(
            toFile: directory + "/whitelist", atomically: true, encoding: .utf8)
        // It gives up its rights and must still be able to read the list.
        for path in [work.path, directory] {
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
        }
        return try Program(
            [
                "opentracker", "-i", address, "-p", "\(port)", "-P", "\(port)", "-d", directory, "-w", "whitelist",
                "-u",
                "nobody",
            ], on: host)
    }
}

/// nginx serving a directory.
enum Nginx {
    static func serve(
        _ root: String, address: String, port: Int, on host: NetworkNamespace?, work: TemporaryDirectory
    ) throws -> Program {
        let directory = try work.directory("nginx")
        let configuration = """
            daemon off; master_process off; user root; pid \(directory)/pid; error_log stderr;
            events { worker_connections 256; }
            http { access_log \(directory)/access.log; client_body_temp_path \(directory);
              server { listen \(address):\(port); root "\(root)"; } }
            """
        try configuration.write(toFile: directory + "/nginx.conf", atomically: true, encoding: .utf8)
        return try Program(["nginx", "-p", directory, "-e", "stderr", "-c", directory + "/nginx.conf"], on: host)
    }
}
