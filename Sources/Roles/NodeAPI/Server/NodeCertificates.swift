import BFT
import HTTPServing

/// What the servers of a node speak TLS with, from the files that its configuration names.
package struct NodeCertificates: Sendable {
    /// Of the API.
    let api: Certificates
    /// Of the file server, which asks no client for a certificate; nil where it speaks plain HTTP.
    let www: Certificates?

    /// Reads the files. Blocks on the disk.
    /// - Returns: nil for a node whose servers speak plain HTTP.
    /// - Throws: which file is wrong.
    package init?(_ configuration: NodeConfiguration) throws(Certificates.Problem) {
        guard let chain = configuration.tlsCertificate, let key = configuration.tlsKey else { return nil }
        var files = TLSFiles(chain: chain, key: key, passphrase: configuration.tlsPassphrase)
        www = configuration.wwwSpeaksTLS ? try Certificates(files) : nil
        files.clientAuthorities = configuration.tlsClientAuthority.map { [$0] } ?? []
        api = try Certificates(files)
    }

    /// Reads the files again; what was in force stays so where they are wrong. Blocks on the disk.
    /// - Throws: which file is wrong.
    package func reload() throws(Certificates.Problem) {
        try www?.reload()
        try api.reload()
    }
}
