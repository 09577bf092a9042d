// The Vulkan backend's order (ggml/src/ggml-vulkan/ggml-vulkan.cpp, ggml_vk_graph_optimize): from the first operation not yet placed
// it looks a window ahead and takes along whatever depends on nothing still open, so that they run without a barrier in between;
// known fusions stay together. Where one kernel does a whole chain, what goes into the chain is kept until its end: by aliases behind it.
#include <algorithm>
#include <span>

#include "placement/detail/graph_memory.hpp"

namespace rigcast::placement::detail {

namespace {

using Op = TensorOp;

bool runs_nothing(Op op) { return op == Op::none || is_view(op); }

// Expert routing that one kernel does in one go.
constexpr Op kSoftmaxNormalised[] = {Op::softmax, Op::reshape, Op::argsort, Op::view, Op::gather, Op::reshape, Op::sum_rows, Op::clamp, Op::divide, Op::reshape};
constexpr Op kSigmoidNormalised[] = {Op::unary, Op::reshape, Op::add, Op::argsort, Op::view, Op::gather, Op::reshape, Op::sum_rows, Op::clamp, Op::divide, Op::reshape};
constexpr Op kSoftmaxFirst[] = {Op::softmax, Op::reshape, Op::argsort, Op::view, Op::gather};
constexpr Op kGivenBack[] = {Op::scale, Op::unary, Op::scale, Op::spread};   // a part's result to parallel streams
constexpr Op kTurnedAndStored[] = {Op::rope, Op::view, Op::scatter};   // a key straight into the cache
constexpr Op kSoftmaxLast[] = {Op::argsort, Op::view, Op::gather, Op::reshape, Op::softmax, Op::reshape};

class Reorder {
 public:
  Reorder(TensorGraph& graph, const std::vector<TensorId>& operations, int window)
      : graph_(graph), operations_(operations), window_(window), taken_(operations.size(), 0), placed_(graph.tensors.size(), 0), may_fuse_(operations.size(), 0) {
    find_dependencies();
    for (int i = 0; i < count(); ++i) may_fuse_[at(i)] = fusion_at(i) > 0;   // most never do
  }

  std::vector<TensorId> run() {
    order_.reserve(operations_.size());
    while (first_ < count()) {
      if (const int length = fused_at(first_)) {
        for (int i = 0; i < length; ++i) place(first_ + i);
        if (op(first_) != Op::rope) hold_inputs(first_, length);
      } else {
        std::vector<int> group{first_};
        gather_operations(group);
        if (op(group.back()) != Op::add) gather_views(group);
        for (const int i : group) place(i);
      }
      while (first_ < count() && taken_[at(first_)]) ++first_;
    }
    return std::move(order_);
  }

 private:
  int count() const { return static_cast<int>(operations_.size()); }
  static std::size_t at(int i) { return static_cast<std::size_t>(i); }
  const GraphTensor& tensor(int i) const { return graph_[operations_[at(i)]]; }
  Op op(int i) const { return tensor(i).op; }

  void place(int i) {
    order_.push_back(operations_[at(i)]);
    placed_[at(operations_[at(i)])] = 1;
    taken_[at(i)] = 1;
  }

  bool matches(std::span<const Op> pattern, int start) const {
    if (start + static_cast<int>(pattern.size()) > count()) return false;
    for (std::size_t i = 0; i < pattern.size(); ++i)
      if (op(start + static_cast<int>(i)) != pattern[i] || taken_[at(start) + i]) return false;
    return true;
  }
  int fused_at(int start) const { return may_fuse_[at(start)] ? fusion_at(start) : 0; }
  int fusion_at(int start) const {
    for (const std::span<const Op> pattern : {std::span<const Op>(kSoftmaxNormalised), std::span<const Op>(kSigmoidNormalised),
                                              std::span<const Op>(kSoftmaxFirst), std::span<const Op>(kSoftmaxLast), std::span<const Op>(kGivenBack),
                                              std::span<const Op>(kTurnedAndStored)})
      if (matches(pattern, start)) return static_cast<int>(pattern.size());
    return 0;
  }

  void hold_inputs(int start, int length) {
    const auto inside = [&](TensorId id) { return std::find(operations_.begin() + start, operations_.begin() + start + length, id) != operations_.begin() + start + length; };
    std::vector<TensorId> held;
    for (int i = 0; i < length; ++i)
      for (const TensorId s : tensor(start + i).sources())
        if (s != kNoTensor && graph_[graph_.root(s)].place == kNotPlaced && !inside(s) && std::find(held.begin(), held.end(), s) == held.end()) held.push_back(s);
    for (const TensorId s : held) order_.push_back(graph_.alias_of(s));
  }

  // Which operations a window before each it cannot overtake: those that share its memory, that it reads, and that write into what it reads, for others
  // may read that by views of their own. Asked many times of each, so found once, along the chains of those that share memory.
  void find_dependencies() {
    std::vector<int> last(graph_.tensors.size(), kNone), previous(operations_.size(), kNone);   // by root; by position
    for (int j = 0; j < count(); ++j) {
      const TensorId own = graph_.root(operations_[at(j)]);
      begins_.push_back(earlier_.size());
      const auto add = [&](TensorId root, TensorId read) {
        for (int c = last[at(root)]; c >= std::max(0, j - window_ + 1); c = previous[at(c)])
          if (root == own || operations_[at(c)] == read || (tensor(c).view_of != kNoTensor && !runs_nothing(op(c)))) earlier_.push_back(c);
      };
      add(own, kNoTensor);
      for (const TensorId s : tensor(j).sources())
        if (s != kNoTensor && graph_.root(s) != own) add(graph_.root(s), s);
      previous[at(j)] = last[at(own)];
      last[at(own)] = j;
    }
    begins_.push_back(earlier_.size());
  }
  // Whether j depends on nothing that is still open, but for what `bound` says of it.
  template <class Bound>
  bool is_free(int j, Bound bound) const {
    return std::all_of(earlier_.begin() + static_cast<std::ptrdiff_t>(begins_[at(j)]), earlier_.begin() + static_cast<std::ptrdiff_t>(begins_[at(j) + 1]), [&](int c) { return taken_[at(c)] || bound(c); });
  }
  static bool fuses(Op first, Op second) {
    return (first == Op::rms_norm && second == Op::multiply) || (first == Op::matmul && second == Op::add) ||
           (first == Op::matmul_experts && (second == Op::add_expert || second == Op::multiply)) || (first == Op::add && second == Op::add) ||
           (first == Op::short_convolution && (second == Op::add || second == Op::unary)) || (first == Op::unary && second == Op::multiply);
  }

  // A norm with its scale and what is added to it are one kernel.
  bool ends_norm(int scaled, int sum) const { return scaled > 0 && op(scaled - 1) == Op::rms_norm && op(scaled) == Op::multiply && op(sum) == Op::add; }

  void gather_operations(std::vector<int>& group) {
    for (int j = first_ + 1; j < std::min(first_ + window_, count()); ++j) {
      if (taken_[at(j)] || runs_nothing(op(j)) || fused_at(j)) continue;
      if (is_free(j, [&](int c) { return j == c + 1 && c == group.back() && (fuses(op(c), op(j)) || ends_norm(c, j)); })) take_with_fusions(group, j);
    }
  }

  void take_with_fusions(std::vector<int>& group, int j) {
    group.push_back(j);
    int rope = j;
    const Op before = op(j - 1);
    if (op(j) == Op::multiply && before == Op::rms_norm) {
      if (const int k = find_user(j, Op::rope, [&](int i) { return all_leaves(i, 1); })) take(group, rope = k);
    }
    if (op(rope) == Op::rope) take_cache_write(group, rope);
    const auto ready = [&](int i) { return tensor(i).source[1] == kNoTensor || is_leaf_or_placed(tensor(i).source[1]); };
    if (before == Op::matmul_experts && op(j) == Op::add_expert)
      if (const int k = find_user(j, Op::multiply, ready)) take(group, k);
    if (before == Op::matmul && op(j) == Op::add)
      if (const int k = find_user(j, Op::add, ready)) take(group, k);
    if (before == Op::short_convolution && op(j) == Op::add)
      if (const int k = find_user(j, Op::unary, [](int) { return true; })) take(group, k);
  }
  void take(std::vector<int>& group, int i) {
    group.push_back(i);
    taken_[at(i)] = 1;
  }
  // A following operation of this kind that reads j first; 0 when there is none near.
  template <class Ready>
  int find_user(int j, Op wanted, Ready ready) const {
    for (int k = j + 1; k < std::min(j + 15, count()); ++k)
      if (op(k) == wanted && tensor(k).source[0] == operations_[at(j)] && ready(k)) return k;
    return 0;
  }
  bool all_leaves(int i, std::size_t from) const {
    for (std::size_t s = from; s < 3; ++s)
      if (tensor(i).source[s] != kNoTensor && graph_[tensor(i).source[s]].op != Op::none) return false;
    return true;
  }
  bool is_leaf_or_placed(TensorId id) const { return graph_[id].op == Op::none || placed_[at(id)]; }
  void take_cache_write(std::vector<int>& group, int rope) {
    int view = 0;
    for (int k = rope + 1; k < std::min(rope + 10, count()); ++k) {
      if (!view && op(k) == Op::view && tensor(k).source[0] == operations_[at(rope)]) view = k;
      else if (view && op(k) == Op::scatter && tensor(k).source[0] == operations_[at(view)]) {
        take(group, view);
        take(group, k);
        return;
      }
    }
  }

  void gather_views(std::vector<int>& group) {
    for (int j = first_ + 1; j < std::min(first_ + window_, count()); ++j) {
      if (taken_[at(j)] || !runs_nothing(op(j))) continue;
      if (is_free(j, [&](int c) { return std::find(group.begin(), group.end(), c) != group.end(); })) group.push_back(j);
    }
  }

  TensorGraph& graph_;
  const std::vector<TensorId>& operations_;
  int window_, first_ = 0;
  static constexpr int kNone = -1;
  std::vector<char> taken_, placed_, may_fuse_;
  std::vector<int> earlier_;             // of each operation in turn
  std::vector<std::size_t> begins_;      // ... from where on
  std::vector<TensorId> order_;
};

}  // namespace

void reorder_for_concurrency(TensorGraph& graph, std::vector<TensorId>& operations, int window) {
  operations = Reorder(graph, operations, window).run();
}

}  // namespace rigcast::placement::detail
