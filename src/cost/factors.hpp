#pragma once
// The effects on a Path and how strongly each applies.

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace rigcast::cost {

// One effect and how strongly it applies (1 for a class; a logarithm for a continuous condition). The name lives as long as its Factors.
struct Factor { std::string_view effect; double exponent = 1; };

// Names lie one behind the other in one text: a search names a thousand effects for one answer.
class Factors {
 public:
  void reserve(std::size_t count) {
    constexpr std::size_t kUsualName = 36;
    places_.reserve(count);
    names_.reserve(count * kUsualName);
  }
  // The name is these parts, joined.
  void add(std::initializer_list<std::string_view> parts, double exponent = 1) {
    for (const std::string_view part : parts) names_ += part;
    places_.push_back({static_cast<std::uint32_t>(names_.size()), exponent});
  }
  std::size_t size() const { return places_.size(); }
  bool empty() const { return places_.empty(); }

  class Iterator {
   public:
    Iterator(const Factors& factors, std::size_t at) : factors_(factors), at_(at) {}
    Factor operator*() const { return factors_.at(at_); }
    Iterator& operator++() { ++at_; return *this; }
    bool operator!=(const Iterator& other) const { return at_ != other.at_; }

   private:
    const Factors& factors_;
    std::size_t at_;
  };
  Iterator begin() const { return {*this, 0}; }
  Iterator end() const { return {*this, places_.size()}; }

 private:
  struct Place { std::uint32_t end; double exponent; };   // end: of the name, which begins where the one before ends
  Factor at(std::size_t i) const {
    const std::size_t begin = i == 0 ? 0 : places_[i - 1].end;
    return {std::string_view(names_).substr(begin, places_[i].end - begin), places_[i].exponent};
  }

  std::string names_;
  std::vector<Place> places_;
};

}  // namespace rigcast::cost
