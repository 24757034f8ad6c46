import Glibc

/// The results of OpenSSL's library, which knows nothing of ours: of Debian's package `libssl3`.
private enum OpenSSL {
    typealias Function =
        @convention(c) (UnsafePointer<UInt8>?, Int, UnsafeMutablePointer<UInt8>?) ->
        UnsafeMutablePointer<UInt8>?

    static let sha1 = function("SHA1")
    static let sha256 = function("SHA256")

    private static func function(_ name: String) -> Function {
        guard let library = dlopen("libcrypto.so.3", RTLD_NOW), let symbol = dlsym(library, name) else {
            preconditionFailure("OpenSSL's libcrypto.so.3 has to be installed: it says what digests are right")
        }
        return unsafeBitCast(symbol, to: Function.self)
    }
}

func referenceSHA1(_ bytes: [UInt8]) -> [UInt8] { digest(bytes, 20, OpenSSL.sha1) }
func referenceSHA256(_ bytes: [UInt8]) -> [UInt8] { digest(bytes, 32, OpenSSL.sha256) }

private func digest(_ bytes: [UInt8], _ length: Int, _ function: OpenSSL.Function) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: length)
    // No pointer at all would be refused where there are no bytes.
    (bytes + [0]).withUnsafeBufferPointer { bytes in
        _ = digest.withUnsafeMutableBufferPointer { function(bytes.baseAddress, bytes.count - 1, $0.baseAddress) }
    }
    return digest
}
