// Every command: adds itself to the program with its options and its help; when chosen it
// sets the exit code.
#pragma once

#include "cli/arguments.h"
#include "cli/shell.h"

namespace leat {

struct Command {
  Arguments arguments;  // the program's
  Shell* shell;
  int* exit_code;
};

void AddRun(const Command& command);
void AddStart(const Command& command);
void AddStatus(const Command& command);
void AddTop(const Command& command);
void AddStop(const Command& command);
void AddRestart(const Command& command);
void AddPause(const Command& command);
void AddResume(const Command& command);
void AddReset(const Command& command);
void AddReload(const Command& command);
void AddLogs(const Command& command);
void AddValidate(const Command& command);
void AddCheck(const Command& command);
void AddList(const Command& command);
void AddDescribe(const Command& command);
void AddSchema(const Command& command);
void AddDeadLetters(const Command& command);
void AddTopics(const Command& command);
// Of `topics`.
void AddTopicsRead(const Command& command, Arguments topics);
void AddTopicsProduce(const Command& command, Arguments topics);
void AddLag(const Command& command);
void AddOffsets(const Command& command);
void AddGenerate(const Command& command);
void AddVersion(const Command& command);
void AddCompletions(const Command& command);

}  // namespace leat
