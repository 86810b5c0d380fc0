// SPDX-License-Identifier: Apache-2.0
// SQLite for the examples: a database, statements, and transactions that are rolled back unless they are committed.
// What fails throws; what was committed outlives SIGKILL and power cuts.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

#include <sqlite3.h>

namespace sqlite {

class Error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

// One run of a statement; step() goes from row to row.
class Statement {
public:
    Statement(sqlite3* database, std::string_view sql) : database_(database) {
        const auto size = static_cast<int>(sql.size());
        if (sqlite3_prepare_v2(database, sql.data(), size, &statement_, nullptr) != SQLITE_OK) fail(std::string(sql));
    }
    Statement(Statement&& other) noexcept
        : database_(other.database_),
          statement_(std::exchange(other.statement_, nullptr)) {}
    Statement& operator=(Statement&&) = delete;
    ~Statement() { sqlite3_finalize(statement_); }

    void bind(int place, std::int64_t value) { check(sqlite3_bind_int64(statement_, place, value)); }
    void bind(int place, std::string_view value) {
        const char* data = value.data() ? value.data() : "";  // a null pointer would be NULL
        check(sqlite3_bind_text(statement_, place, data, static_cast<int>(value.size()), SQLITE_TRANSIENT));
    }
    // Whether there is a (further) row.
    bool step() {
        const int code = sqlite3_step(statement_);
        if (code != SQLITE_ROW && code != SQLITE_DONE) fail(sqlite3_sql(statement_));
        return code == SQLITE_ROW;
    }
    // Columns count from 0.
    std::int64_t integer(int column) const { return sqlite3_column_int64(statement_, column); }
    double real(int column) const { return sqlite3_column_double(statement_, column); }
    bool is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }
    std::string text(int column) const {
        const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
        return data ? std::string(data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)))
                    : std::string();
    }

private:
    void check(int code) {
        if (code != SQLITE_OK) fail(sqlite3_sql(statement_));
    }
    [[noreturn]] void fail(const std::string& sql) { throw Error(sql + ": " + sqlite3_errmsg(database_)); }

    sqlite3* database_;
    sqlite3_stmt* statement_ = nullptr;
};

// Of one thread at a time; other processes may have the same file open.
class Database {
public:
    // Makes the file when it is not there, and runs `schema`, which must not mind being run again.
    Database(const std::string& path, const char* schema) {
        const int code = sqlite3_open(path.c_str(), &database_);
        if (code != SQLITE_OK) {
            const std::string why = path + ": " + sqlite3_errstr(code);
            sqlite3_close(database_);
            throw Error(why);
        }
        try {
            sqlite3_busy_timeout(database_, 10'000);
            // Readers do not wait for the writer, and each commit is one sync. When several make the file at the same
            // time, the first statement does not wait by itself.
            constexpr const char* modes = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;";
            for (int tries = 100; sqlite3_exec(database_, modes, nullptr, nullptr, nullptr) == SQLITE_BUSY && --tries;)
                sqlite3_sleep(100);
            run_all(modes);
            run_all(schema);
        } catch (...) {
            sqlite3_close(database_);
            throw;
        }
    }
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;
    ~Database() { sqlite3_close(database_); }

    // Several statements without values.
    void run_all(const char* sql) {
        if (sqlite3_exec(database_, sql, nullptr, nullptr, nullptr) != SQLITE_OK)
            throw Error(std::string(sql) + ": " + sqlite3_errmsg(database_));
    }
    // The values take the places of the question marks: integers, and texts.
    template <class... Values>
    Statement query(std::string_view sql, const Values&... values) {
        Statement statement(database_, sql);
        int place = 0;
        (statement.bind(++place, values), ...);
        return statement;
    }
    // Runs it to its end; how many rows it has changed.
    template <class... Values>
    int run(std::string_view sql, const Values&... values) {
        auto statement = query(sql, values...);
        while (statement.step()) {
        }
        return sqlite3_changes(database_);
    }
    // The first column of the first row; 0 when there is none.
    template <class... Values>
    std::int64_t number(std::string_view sql, const Values&... values) {
        auto statement = query(sql, values...);
        return statement.step() ? statement.integer(0) : 0;
    }
    // Nothing happens where no transaction is open.
    void roll_back() noexcept { sqlite3_exec(database_, "ROLLBACK", nullptr, nullptr, nullptr); }

private:
    sqlite3* database_ = nullptr;
};

// From here to commit() all or nothing; without commit() nothing. Nobody else writes meanwhile.
class Transaction {
public:
    explicit Transaction(Database& database) : database_(database) { database_.run_all("BEGIN IMMEDIATE"); }
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;
    ~Transaction() {
        if (is_open_) database_.roll_back();
    }
    void commit() {
        database_.run_all("COMMIT");
        is_open_ = false;
    }

private:
    Database& database_;
    bool is_open_ = true;
};

}  // namespace sqlite
