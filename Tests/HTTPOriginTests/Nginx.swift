import Foundation
import TestSupport

/// Debian's nginx on free loopback ports, with a directory of its own. One port speaks plain HTTP, one TLS with a
/// certificate that it signed itself.
enum Nginx {
    struct NotStarted: Error {}

    static let path = "/usr/sbin/nginx"

    struct Running: Sendable {
        let port: UInt16
        let tlsPort: UInt16
        /// Where it takes files from.
        let root: URL
        /// The certificate, to be trusted by who wants to.
        let certificate: String
    }

    static func with(
        isolation: isolated (any Actor)? = #isolation, _ body: (Running) async throws -> Void
    ) async throws {
        let directory = try TemporaryDirectory()
        let prefix = URL(filePath: directory.path)
        for name in ["www", "tmp"] {
            try FileManager.default.createDirectory(at: prefix.appending(path: name), withIntermediateDirectories: true)
        }
        let certificate = prefix.appending(path: "cert.pem").path()
        let key = prefix.appending(path: "key.pem").path()
        let made = try await Command.ending(
            [
                "/usr/bin/openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                "-nodes", "-days", "2",
                "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out",
                certificate,
            ])
        guard made.status == 0 else { throw NotStarted() }
        let (port, tlsPort) = (try FreePort.find(), try FreePort.find())
        try configuration(port: port, tlsPort: tlsPort).write(
            to: prefix.appending(path: "nginx.conf"), atomically: true, encoding: .utf8)
        let process = try ServerProcess(path, ["-p", prefix.path(), "-c", "nginx.conf", "-e", "error.log"])
        do {
            guard await FreePort.isAnswering(port, within: 10) else { throw NotStarted() }
            try await body(
                Running(port: port, tlsPort: tlsPort, root: prefix.appending(path: "www"), certificate: certificate))
            await process.stop()
        } catch {
            await process.stop()
            throw error
        }
    }

    private static func configuration(port: UInt16, tlsPort: UInt16) -> String {
        """
        daemon off; master_process off; pid nginx.pid; error_log error.log;
        events { worker_connections 64; }
        http {
          access_log off; client_body_temp_path tmp/b; proxy_temp_path tmp/p; fastcgi_temp_path tmp/f;
          uwsgi_temp_path tmp/u; scgi_temp_path tmp/s; keepalive_requests 100000; gzip on; gzip_types *;
          limit_req_zone $binary_remote_addr zone=few:64k rate=1r/m;
          server {
            listen 127.0.0.1:\(port); root www;
            location /none/ { max_ranges 0; alias www/; }
            location /few/ { limit_req zone=few; limit_req_status 429; alias www/; }
            location /moved/ { rewrite ^/moved/(.*)$ /$1 redirect; }
            location /slow/ { limit_rate 400000; alias www/; }
          }
          server {
            listen 127.0.0.1:\(tlsPort) ssl; root www; ssl_certificate cert.pem; ssl_certificate_key key.pem;
          }
        }
        """
    }
}
