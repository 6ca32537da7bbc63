#include "kernels/cross_entropy.hpp"

#include "kernels/isa.hpp"

namespace tasuki::kernels::cpu {

TASUKI_PER_ISA(void cross_entropy(const View&, const View&, const View&, const CrossEntropyRule&, const View&, const View&, const View&))
TASUKI_PER_ISA(void cross_entropy_backward(const View&, const View&, const View&, const View&, const View&, const View&, const CrossEntropyRule&, const View&, bool))
TASUKI_PER_ISA(void cross_entropy_coefficients(const View&, const View&, const CrossEntropyRule&, const View&))

void cross_entropy(const View& logits, const View& target, const View& weight, const CrossEntropyRule& rule, const View& loss,
                   const View& statistics, const View& total) {
  TASUKI_ON_ISA(cross_entropy)(logits, target, weight, rule, loss, statistics, total);
}

void cross_entropy_backward(const View& grad_loss, const View& logits, const View& target, const View& weight, const View& statistics,
                            const View& total, const CrossEntropyRule& rule, const View& grad_logits, bool accumulate) {
  TASUKI_ON_ISA(cross_entropy_backward)(grad_loss, logits, target, weight, statistics, total, rule, grad_logits, accumulate);
}

void cross_entropy_coefficients(const View& target, const View& weight, const CrossEntropyRule& rule, const View& coefficients) {
  TASUKI_ON_ISA(cross_entropy_coefficients)(target, weight, rule, coefficients);
}

}  // namespace tasuki::kernels::cpu
