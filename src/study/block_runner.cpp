#include "study/block_runner.h"

#include "study/before_work.h"
#include "study/summarise.h"
#include "study/units.h"
#include "study/winners.h"

namespace tiller::study {

void BlockRunner::run(std::size_t task, std::uint64_t seed) {
    const Plan& plan = inputs_.plan();
    const StudyHost& host = inputs_.host();
    TaskContext c = inputs_.context(model_, task, seed, engine_, journal_, folder_);
    const std::string closing = unit_name(c, closing_unit);  // now: use_draw() changes the names of units
    if (!is_finished(c)) {
        if (!begun_) say_memory(plan, engine_, inputs_.tasks(), c.form, host);
        if (!begun_) say_chat(plan, engine_.model(), host);
        if (!begun_ && host.check) check_model(engine_, folder_, inputs_.model_name(model_), host);
        begun_ = true;
        say_computed_again(c);
        check_answers(c);
        say_seen(c);
        train_scorer(c);
        inputs_.protocol().run(c);
    }
    write_winners(c);
    if (host.observer.task)
        host.observer.task(summarise_task(plan, records_of(journal_.units(), journal_.lines(closing).at(0))));
}

}  // namespace tiller::study
