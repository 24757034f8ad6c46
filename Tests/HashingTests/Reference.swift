import Crypto

// swift-crypto's results, in a file of their own: its types have the names of ours.

func referenceSHA1(_ bytes: [UInt8]) -> [UInt8] { Array(Insecure.SHA1.hash(data: bytes)) }
func referenceSHA256(_ bytes: [UInt8]) -> [UInt8] { Array(SHA256.hash(data: bytes)) }
