// cuBLAS, where a CUDA toolkit or a Python package has installed it: what the maker's own kernels reach on this chip. Declarations are
// those of its stable C interface (cublas_api.h, library_types.h).

#include "bench/gpu/driver.hpp"

namespace rigcast::bench {
namespace {

constexpr int kTransposed = 1, kPlain = 0;                           // cublasOperation_t
constexpr int kFloat32 = 0, kFloat16 = 2, kBrain16 = 14;             // cudaDataType
constexpr int kComputeFloat32 = 68, kDefault = -1;                   // cublasComputeType_t, cublasGemmAlgo_t

class Cublas : public VendorMatrix {
 public:
  explicit Cublas(Library library) : library_(library) {}
  Cublas(const Cublas&) = delete;
  Cublas& operator=(const Cublas&) = delete;
  ~Cublas() override { if (handle_ && destroy_) destroy_(handle_); }

  bool start(DriverHandle stream) {
    return create_ && destroy_ && use_stream_ && multiply_ && create_(&handle_) == 0 && use_stream_(handle_, stream) == 0;
  }
  // It counts columns first: rows x tokens there is tokens x rows here.
  DriverCode multiply(const Product16& p, DriverPointer weights, DriverPointer x, DriverPointer y) override {
    const float one = 1, zero = 0;
    const int type = p.format == "bf16" ? kBrain16 : kFloat16, rows = static_cast<int>(p.rows), columns = static_cast<int>(p.columns);
    const auto at = [](DriverPointer pointer) { return reinterpret_cast<void*>(static_cast<std::uintptr_t>(pointer)); };
    return multiply_(handle_, kTransposed, kPlain, rows, static_cast<int>(p.tokens), columns, &one, at(weights), type, columns, at(x), type, columns, &zero, at(y),
                     kFloat32, rows, kComputeFloat32, kDefault);
  }

 private:
  Library library_;
  DriverHandle handle_ = nullptr;
  int (*create_)(DriverHandle*) = Symbol{library_, "cublasCreate_v2"};
  int (*destroy_)(DriverHandle) = Symbol{library_, "cublasDestroy_v2"};
  int (*use_stream_)(DriverHandle, DriverHandle) = Symbol{library_, "cublasSetStream_v2"};
  int (*multiply_)(DriverHandle, int, int, int, int, int, const void*, const void*, int, int, const void*, int, int, const void*, void*, int, int, int, int) =
      Symbol{library_, "cublasGemmEx"};
};

}  // namespace

Result<std::unique_ptr<VendorMatrix>> open_cublas(const World& world, DriverHandle stream) {
  for (const char* name : {"libcublas.so.13", "libcublas.so.12", "libcublas.so.11", "libcublas.so"}) {
    const auto library = Library::open(world, name);
    if (!library) continue;
    auto cublas = std::make_unique<Cublas>(*library);
    if (cublas->start(stream)) return std::unique_ptr<VendorMatrix>(std::move(cublas));
  }
  return fail(ErrorKind::unsupported, "cuBLAS is not installed");
}

}  // namespace rigcast::bench
